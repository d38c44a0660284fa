"""ByteFormer, arXiv:2306.00238, under CoreNet's names. Token 256 stands for the end of a file, as -1 does."""

from __future__ import annotations

from tests.library.case import Case, Input

#: Bytes of about 190 tokens.
LENGTHS = {
    "small": 3001, "base": 3001, "huge": 3001, "tiny_jpeg_q100": 751, "tiny_jpeg_q60": 375, "tiny_wav": 3001,
}  # fmt: skip
CASES = [
    # 186 tokens, 93 ... 3: neither windows nor pairs come out even
    Case("byteformer_tiny", inputs=(Input((2, 3001), 257),), params={"length": 3001}, train=True),
    Case("byteformer_tiny_mp3", inputs=(Input((2, 250), 257),), params={"length": 250}),
    *(
        Case(f"byteformer_{name}", inputs=(Input((1, length), 257),), params={"length": length}, run=False)
        for name, length in LENGTHS.items()
    ),
    Case(
        "byteformer_huge", inputs=(Input((1, 3001), 257),), params={"length": 3001, "depth": 11}, run=False,
        recording="byteformer_huge 11 layers",
    ),
]  # fmt: skip
