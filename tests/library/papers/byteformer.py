"""ByteFormer, arXiv:2306.00238, under CoreNet's names. Token 256 stands for the end of a file, as -1 does."""

from __future__ import annotations

from tests.library.case import Case, Input

CASES = [
    # 186 tokens, 93 ... 3: neither windows nor pairs come out even
    Case("byteformer_tiny", inputs=(Input((2, 3001), 257),), params={"length": 3001}, train=True),
    Case("byteformer_tiny_mp3", inputs=(Input((2, 250), 257),), params={"length": 250}),
    *(
        Case(f"byteformer_{name}", run=False)
        for name in ("small", "base", "huge", "tiny_jpeg_q100", "tiny_jpeg_q60", "tiny_wav")
    ),
]
