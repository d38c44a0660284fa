// \0rolldown/runtime.js
var e = /* @__PURE__ */ ((e) => typeof require < "u" ? require : typeof Proxy < "u" ? new Proxy(e, { get: (e, t) => (typeof require < "u" ? require : e)[t] }) : e)(function(e) {
	if (typeof require < "u") return require.apply(this, arguments);
	throw Error("Calling `require` for \"" + e + "\" in an environment that doesn't expose the `require` function. See https://rolldown.rs/in-depth/bundling-cjs#require-external-modules for more details.");
});
// src/dom.ts
function t(e, t, n) {
	for (let [n, r] of Object.entries(t)) r != null && r !== !1 && (typeof r == "function" ? e.addEventListener(n.slice(2), r) : e.setAttribute(n, r === !0 ? "" : String(r)));
	for (let t of n) t && e.append(t);
	return e;
}
var n = (e, n = {}, ...r) => t(document.createElement(e), n, r), r = (e, n = {}, ...r) => t(document.createElementNS("http://www.w3.org/2000/svg", e), n, r), i = {
	fit: "M3 8V3h5M16 3h5v5M21 16v5h-5M8 21H3v-5",
	moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
	code: "M8 6l-6 6 6 6M16 6l6 6-6 6",
	down: "M12 4v16M6 14l6 6 6-6",
	right: "M4 12h16M14 6l6 6-6 6",
	help: "M9.2 9a3 3 0 1 1 4.3 2.7c-1 .5-1.5 1.1-1.5 2.3M12 17.5v.1",
	search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21",
	close: "M5 5l14 14M19 5L5 19",
	minus: "M5 12h14",
	sides: "M3 5h7v14H3zM14 5h7v14h-7z",
	plus: "M5 12h14M12 5v14"
}, a = (e) => r("svg", {
	viewBox: "0 0 24 24",
	class: "icon",
	"aria-hidden": "true"
}, r("path", { d: i[e] })), o = (e, t, r, i = "") => n("button", {
	type: "button",
	class: "tool",
	"aria-label": e,
	title: i ? `${e} (${i})` : e,
	onclick: r
}, a(t)), [s, c] = [172, .09], l = class {
	model;
	engine;
	begin;
	seen;
	canvas;
	veil;
	visible;
	said = n("output", { "aria-live": "polite" });
	colour = n("input", {
		type: "color",
		value: "#ffffff",
		"aria-label": "Colour to draw with"
	});
	file = n("input", {
		type: "file",
		accept: "image/*",
		class: "unseen",
		tabindex: -1,
		"aria-label": "A picture file",
		onchange: () => this.opened(this.file.files?.[0])
	});
	tools;
	element;
	tool = "draw";
	from = null;
	busy = !1;
	again = !1;
	constructor(e, t, r, i) {
		this.model = e, this.engine = t, this.begin = r, this.seen = i;
		let [, a, o] = e.shape, c = {
			width: o,
			height: a
		};
		this.canvas = n("canvas", {
			...c,
			role: "img",
			"aria-label": "The picture that the model sees"
		}), this.veil = n("canvas", {
			...c,
			class: "veil",
			"aria-hidden": "true"
		}), this.visible = new Uint8Array(o * a).fill(1);
		let l = (e) => `${s * e / Math.max(o, a)}px`, u = n("div", {
			class: "board",
			onpointerdown: (e) => this.down(e),
			onpointermove: (e) => this.move(e),
			onpointerup: (e) => this.up(e),
			onpointercancel: () => this.from = null
		}, this.canvas, this.veil);
		Object.assign(u.style, {
			width: l(o),
			height: l(a)
		});
		let d = (e, t, r) => n("button", {
			type: "button",
			title: r,
			"aria-pressed": String(e === this.tool),
			onclick: () => this.take(e)
		}, t);
		this.tools = {
			draw: d("draw", "Draw", "Draw on the picture"),
			hide: d("hide", "Hide", e.mask ? "Drag over what layer masking shall hide" : "Drag over what shall be grey")
		};
		let f = (e, t, r) => n("button", {
			type: "button",
			title: t,
			onclick: r
		}, e);
		this.element = n("section", {
			class: "easel",
			"aria-label": "Your own picture"
		}, u, n("div", {
			class: "row",
			role: "group",
			"aria-label": "Tools"
		}, this.tools.draw, this.colour, this.tools.hide, f("Show all", "Hide nothing", () => this.unhide())), n("div", { class: "row" }, f("Picture…", "Choose a picture, or drop one anywhere", () => this.file.click()), this.file, f("Empty", "A black picture", () => this.empty())), this.said), addEventListener("dragover", (e) => e.preventDefault()), addEventListener("drop", (e) => (e.preventDefault(), this.opened(e.dataTransfer?.files[0]))), this.say("loading the model…"), t.then(() => this.say("ready"), (e) => this.say(`the model does not run here: ${e.message}`)), this.take("draw");
	}
	get hides() {
		return this.visible.includes(0);
	}
	say(e) {
		this.said.textContent = e;
	}
	take(e) {
		this.tool = e;
		for (let t of ["draw", "hide"]) this.tools[t].setAttribute("aria-pressed", String(t === e));
	}
	get brush() {
		return this.canvas.getContext("2d", { willReadFrequently: !0 });
	}
	async put(e) {
		let t = new Image();
		t.src = e, await t.decode(), this.brush.drawImage(t, 0, 0, this.canvas.width, this.canvas.height);
	}
	async opened(e) {
		if (e) try {
			let t = await createImageBitmap(e);
			this.fit(t), this.unhide();
		} catch {
			this.say(`${e.name} is no picture that this browser reads`);
		}
	}
	fit(e) {
		let { width: t, height: n } = this.canvas, { crop: r } = this.model, [i, a] = [t, n];
		if (r !== null) {
			let o = Math.max(n, Math.round(n / r)) / Math.min(e.width, e.height);
			[i, a] = [Math.max(t, Math.round(e.width * o)), Math.max(n, Math.round(e.height * o))];
		}
		let o = this.brush;
		o.imageSmoothingEnabled = i !== e.width || a !== e.height, o.imageSmoothingQuality = "high", o.clearRect(0, 0, t, n), o.drawImage(e, -Math.floor((i - t) / 2), -Math.floor((a - n) / 2), i, a);
	}
	empty() {
		this.brush.fillStyle = "#000", this.brush.fillRect(0, 0, this.canvas.width, this.canvas.height), this.unhide();
	}
	unhide() {
		this.visible.fill(1), this.cover(), this.look();
	}
	cover() {
		let e = this.veil.getContext("2d"), t = e.createImageData(this.veil.width, this.veil.height), { width: n } = this.veil;
		for (let e = 0; e < this.visible.length; e++) this.visible[e] || t.data.set((e % n + Math.floor(e / n) & 3) < 2 ? [
			150,
			158,
			168,
			255
		] : [
			118,
			126,
			138,
			255
		], 4 * e);
		e.putImageData(t, 0, 0);
	}
	place(e) {
		let t = this.canvas.getBoundingClientRect();
		return [(e.clientX - t.x) / t.width * this.canvas.width, (e.clientY - t.y) / t.height * this.canvas.height];
	}
	down(e) {
		e.currentTarget.setPointerCapture(e.pointerId), e.preventDefault(), this.from = this.place(e), this.move(e);
	}
	move(e) {
		if (!this.from) return;
		let t = this.place(e);
		if (this.tool === "draw") {
			let e = this.brush;
			Object.assign(e, {
				strokeStyle: this.colour.value,
				lineWidth: c * this.canvas.width,
				lineCap: "round"
			}), e.beginPath(), e.moveTo(...this.from), e.lineTo(...t), e.stroke(), this.from = t;
		} else this.hide(this.from, t);
		this.look();
	}
	up(e) {
		this.move(e), this.from = null;
	}
	hide([e, t], [n, r]) {
		let { width: i, height: a } = this.canvas, o = (e, t, n) => [Math.max(0, Math.floor(Math.min(e, t))), Math.min(n, Math.ceil(Math.max(e, t)))], [[s, c], [l, u]] = [o(e, n, i), o(t, r, a)];
		for (let e = l; e < u; e++) this.visible.fill(0, e * i + s, e * i + Math.max(s, c));
		this.cover();
	}
	async look() {
		if (this.again = !0, !this.busy) {
			for (this.busy = !0; this.again;) this.again = !1, await this.run(), await new Promise(requestAnimationFrame);
			this.busy = !1;
		}
	}
	async run() {
		try {
			let e = await this.engine, t = this.begin(), n = performance.now();
			await e.see(this.shown(), this.visible.slice(), t), this.say(`${Math.round(performance.now() - n)} ms, in this browser`), this.seen(t);
		} catch (e) {
			this.say(`the model did not run: ${e.message}`);
		}
	}
	shown() {
		if (this.model.mask || !this.hides) return this.canvas;
		let e = document.createElement("canvas");
		[e.width, e.height] = [this.canvas.width, this.canvas.height];
		let t = e.getContext("2d", { willReadFrequently: !0 });
		t.drawImage(this.canvas, 0, 0);
		let { width: n } = e;
		return t.fillStyle = `rgb(${[
			0,
			1,
			2
		].map((e) => Math.round(255 * (this.model.mean[e] ?? this.model.mean[0]))).join(",")})`, this.visible.forEach((e, r) => e || t.fillRect(r % n, Math.floor(r / n), 1, 1)), e;
	}
}, u = Object.defineProperty, d = Object.getOwnPropertyDescriptor, f = Object.getOwnPropertyNames, p = Object.prototype.hasOwnProperty, m = ((t) => typeof e < "u" ? e : typeof Proxy < "u" ? new Proxy(t, { get: (t, n) => (typeof e < "u" ? e : t)[n] }) : t)(function(t) {
	if (typeof e < "u") return e.apply(this, arguments);
	throw Error("Dynamic require of \"" + t + "\" is not supported");
}), h = (e, t, n) => () => {
	if (n) throw n[0];
	try {
		return e && (t = e(e = 0)), t;
	} catch (e) {
		throw n = [e], e;
	}
}, g = (e, t) => {
	for (var n in t) u(e, n, {
		get: t[n],
		enumerable: !0
	});
}, _ = (e, t, n, r) => {
	if (t && typeof t == "object" || typeof t == "function") for (let i of f(t)) !p.call(e, i) && i !== n && u(e, i, {
		get: () => t[i],
		enumerable: !(r = d(t, i)) || r.enumerable
	});
	return e;
}, v = (e) => _(u({}, "__esModule", { value: !0 }), e), y, b, x, S, ee, C = h(() => {
	y = /* @__PURE__ */ new Map(), b = [], x = (e, t, n) => {
		if (t && typeof t.init == "function" && typeof t.createInferenceSessionHandler == "function") {
			let r = y.get(e);
			if (r === void 0) y.set(e, {
				backend: t,
				priority: n
			});
			else {
				if (r.priority > n) return;
				if (r.priority === n && r.backend !== t) throw Error(`cannot register backend "${e}" using priority ${n}`);
			}
			if (n >= 0) {
				let t = b.indexOf(e);
				t !== -1 && b.splice(t, 1);
				for (let t = 0; t < b.length; t++) if (y.get(b[t]).priority <= n) {
					b.splice(t, 0, e);
					return;
				}
				b.push(e);
			}
		} else throw TypeError("not a valid backend");
	}, S = async (e) => {
		let t = y.get(e);
		if (!t) return "backend not found.";
		if (t.initialized) return t.backend;
		if (t.aborted) return t.error;
		{
			let n = !!t.initPromise;
			try {
				return n || (t.initPromise = t.backend.init(e)), await t.initPromise, t.initialized = !0, t.backend;
			} catch (e) {
				return n || (t.error = `${e}`, t.aborted = !0), t.error;
			} finally {
				delete t.initPromise;
			}
		}
	}, ee = async (e) => {
		let t = e.executionProviders || [], n = t.map((e) => typeof e == "string" ? e : e.name), r = n.length === 0 ? b : n, i, a = [], o = /* @__PURE__ */ new Set();
		for (let e of r) {
			let t = await S(e);
			typeof t == "string" ? a.push({
				name: e,
				err: t
			}) : (i ||= t, i === t && o.add(e));
		}
		if (!i) throw Error(`no available backend found. ERR: ${a.map((e) => `[${e.name}] ${e.err}`).join(", ")}`);
		for (let { name: e, err: t } of a) n.includes(e) && console.warn(`removing requested execution provider "${e}" from session options because it is not available: ${t}`);
		let s = t.filter((e) => o.has(typeof e == "string" ? e : e.name));
		return [i, new Proxy(e, { get: (e, t) => t === "executionProviders" ? s : Reflect.get(e, t) })];
	};
}), w = h(() => {
	C();
}), te, T = h(() => {
	te = "1.30.0";
}), E, D, ne = h(() => {
	T(), E = "warning", D = {
		wasm: {},
		webgl: {},
		webgpu: {},
		versions: { common: te },
		set logLevel(e) {
			if (e !== void 0) {
				if (typeof e != "string" || [
					"verbose",
					"info",
					"warning",
					"error",
					"fatal"
				].indexOf(e) === -1) throw Error(`Unsupported logging level: ${e}`);
				E = e;
			}
		},
		get logLevel() {
			return E;
		}
	}, Object.defineProperty(D, "logLevel", { enumerable: !0 });
}), O, re = h(() => {
	ne(), O = D;
}), ie, ae, oe = h(() => {
	ie = (e, t) => {
		let n = typeof document < "u" ? document.createElement("canvas") : new OffscreenCanvas(1, 1);
		n.width = e.dims[3], n.height = e.dims[2];
		let r = n.getContext("2d");
		if (r != null) {
			let i, a;
			t?.tensorLayout !== void 0 && t.tensorLayout === "NHWC" ? (i = e.dims[2], a = e.dims[3]) : (i = e.dims[3], a = e.dims[2]);
			let o = t?.format === void 0 ? "RGB" : t.format, s = t?.norm, c, l;
			s === void 0 || s.mean === void 0 ? c = [
				255,
				255,
				255,
				255
			] : typeof s.mean == "number" ? c = [
				s.mean,
				s.mean,
				s.mean,
				s.mean
			] : (c = [
				s.mean[0],
				s.mean[1],
				s.mean[2],
				0
			], s.mean[3] !== void 0 && (c[3] = s.mean[3])), s === void 0 || s.bias === void 0 ? l = [
				0,
				0,
				0,
				0
			] : typeof s.bias == "number" ? l = [
				s.bias,
				s.bias,
				s.bias,
				s.bias
			] : (l = [
				s.bias[0],
				s.bias[1],
				s.bias[2],
				0
			], s.bias[3] !== void 0 && (l[3] = s.bias[3]));
			let u = a * i, d = 0, f = u, p = u * 2, m = -1;
			o === "RGBA" ? (d = 0, f = u, p = u * 2, m = u * 3) : o === "RGB" ? (d = 0, f = u, p = u * 2) : o === "RBG" && (d = 0, p = u, f = u * 2);
			for (let t = 0; t < a; t++) for (let n = 0; n < i; n++) {
				let i = (e.data[d++] - l[0]) * c[0], a = (e.data[f++] - l[1]) * c[1], o = (e.data[p++] - l[2]) * c[2], s = m === -1 ? 255 : (e.data[m++] - l[3]) * c[3];
				r.fillStyle = "rgba(" + i + "," + a + "," + o + "," + s + ")", r.fillRect(n, t, 1, 1);
			}
			if ("toDataURL" in n) return n.toDataURL();
			throw Error("toDataURL is not supported");
		}
		throw Error("Can not access image data");
	}, ae = (e, t) => {
		let n = typeof document < "u" ? document.createElement("canvas").getContext("2d") : new OffscreenCanvas(1, 1).getContext("2d"), r;
		if (n != null) {
			let i, a, o;
			t?.tensorLayout !== void 0 && t.tensorLayout === "NHWC" ? (i = e.dims[2], a = e.dims[1], o = e.dims[3]) : (i = e.dims[3], a = e.dims[2], o = e.dims[1]);
			let s = t !== void 0 && t.format !== void 0 ? t.format : "RGB", c = t?.norm, l, u;
			c === void 0 || c.mean === void 0 ? l = [
				255,
				255,
				255,
				255
			] : typeof c.mean == "number" ? l = [
				c.mean,
				c.mean,
				c.mean,
				c.mean
			] : (l = [
				c.mean[0],
				c.mean[1],
				c.mean[2],
				255
			], c.mean[3] !== void 0 && (l[3] = c.mean[3])), c === void 0 || c.bias === void 0 ? u = [
				0,
				0,
				0,
				0
			] : typeof c.bias == "number" ? u = [
				c.bias,
				c.bias,
				c.bias,
				c.bias
			] : (u = [
				c.bias[0],
				c.bias[1],
				c.bias[2],
				0
			], c.bias[3] !== void 0 && (u[3] = c.bias[3]));
			let d = a * i;
			if (t !== void 0 && (t.format !== void 0 && o === 4 && t.format !== "RGBA" || o === 3 && t.format !== "RGB" && t.format !== "BGR")) throw Error("Tensor format doesn't match input tensor dims");
			let f = 0, p = 1, m = 2, h = 3, g = 0, _ = d, v = d * 2, y = -1;
			s === "RGBA" ? (g = 0, _ = d, v = d * 2, y = d * 3) : s === "RGB" ? (g = 0, _ = d, v = d * 2) : s === "RBG" && (g = 0, v = d, _ = d * 2), r = n.createImageData(i, a);
			for (let t = 0; t < a * i; f += 4, p += 4, m += 4, h += 4, t++) r.data[f] = (e.data[g++] - u[0]) * l[0], r.data[p] = (e.data[_++] - u[1]) * l[1], r.data[m] = (e.data[v++] - u[2]) * l[2], r.data[h] = y === -1 ? 255 : (e.data[y++] - u[3]) * l[3];
		} else throw Error("Can not access image data");
		return r;
	};
}), se, ce, le, ue, de, fe, pe = h(() => {
	be(), se = (e, t) => {
		if (e === void 0) throw Error("Image buffer must be defined");
		if (t.height === void 0 || t.width === void 0) throw Error("Image height and width must be defined");
		if (t.tensorLayout === "NHWC") throw Error("NHWC Tensor layout is not supported yet");
		let { height: n, width: r } = t, i = t.norm ?? {
			mean: 255,
			bias: 0
		}, a, o;
		a = typeof i.mean == "number" ? [
			i.mean,
			i.mean,
			i.mean,
			i.mean
		] : [
			i.mean[0],
			i.mean[1],
			i.mean[2],
			i.mean[3] ?? 255
		], o = typeof i.bias == "number" ? [
			i.bias,
			i.bias,
			i.bias,
			i.bias
		] : [
			i.bias[0],
			i.bias[1],
			i.bias[2],
			i.bias[3] ?? 0
		];
		let s = t.format === void 0 ? "RGBA" : t.format, c = t.tensorFormat !== void 0 && t.tensorFormat !== void 0 ? t.tensorFormat : "RGB", l = n * r, u = c === "RGBA" ? new Float32Array(l * 4) : new Float32Array(l * 3), d = 4, f = 0, p = 1, m = 2, h = 3, g = 0, _ = l, v = l * 2, y = -1;
		s === "RGB" && (d = 3, f = 0, p = 1, m = 2, h = -1), c === "RGBA" ? y = l * 3 : c === "RBG" ? (g = 0, v = l, _ = l * 2) : c === "BGR" && (v = 0, _ = l, g = l * 2);
		for (let t = 0; t < l; t++, f += d, m += d, p += d, h += d) u[g++] = (e[f] + o[0]) / a[0], u[_++] = (e[p] + o[1]) / a[1], u[v++] = (e[m] + o[2]) / a[2], y !== -1 && h !== -1 && (u[y++] = (e[h] + o[3]) / a[3]);
		return c === "RGBA" ? new j("float32", u, [
			1,
			4,
			n,
			r
		]) : new j("float32", u, [
			1,
			3,
			n,
			r
		]);
	}, ce = async (e, t) => {
		let n = typeof HTMLImageElement < "u" && e instanceof HTMLImageElement, r = typeof ImageData < "u" && e instanceof ImageData, i = typeof ImageBitmap < "u" && e instanceof ImageBitmap, a = typeof e == "string", o, s = t ?? {}, c = () => {
			if (typeof document < "u") return document.createElement("canvas");
			if (typeof OffscreenCanvas < "u") return new OffscreenCanvas(1, 1);
			throw Error("Canvas is not supported");
		}, l = (e) => typeof HTMLCanvasElement < "u" && e instanceof HTMLCanvasElement || e instanceof OffscreenCanvas ? e.getContext("2d") : null;
		if (n) {
			let n = c();
			n.width = e.width, n.height = e.height;
			let r = l(n);
			if (r != null) {
				let n = e.height, i = e.width;
				if (t !== void 0 && t.resizedHeight !== void 0 && t.resizedWidth !== void 0 && (n = t.resizedHeight, i = t.resizedWidth), t !== void 0) {
					if (s = t, t.tensorFormat !== void 0) throw Error("Image input config format must be RGBA for HTMLImageElement");
					s.tensorFormat = "RGBA", s.height = n, s.width = i;
				} else s.tensorFormat = "RGBA", s.height = n, s.width = i;
				r.drawImage(e, 0, 0), o = r.getImageData(0, 0, i, n).data;
			} else throw Error("Can not access image data");
		} else if (r) {
			let n, r;
			if (t !== void 0 && t.resizedWidth !== void 0 && t.resizedHeight !== void 0 ? (n = t.resizedHeight, r = t.resizedWidth) : (n = e.height, r = e.width), t !== void 0 && (s = t), s.format = "RGBA", s.height = n, s.width = r, t !== void 0) {
				let t = c();
				t.width = r, t.height = n;
				let i = l(t);
				if (i != null) i.putImageData(e, 0, 0), o = i.getImageData(0, 0, r, n).data;
				else throw Error("Can not access image data");
			} else o = e.data;
		} else if (i) {
			if (t === void 0) throw Error("Please provide image config with format for Imagebitmap");
			let n = c();
			n.width = e.width, n.height = e.height;
			let r = l(n);
			if (r != null) {
				let t = e.height, n = e.width;
				return r.drawImage(e, 0, 0, n, t), o = r.getImageData(0, 0, n, t).data, s.height = t, s.width = n, se(o, s);
			}
			throw Error("Can not access image data");
		} else {
			if (a) return new Promise((t, n) => {
				let r = c(), i = l(r);
				if (!e || !i) return n();
				let a = new Image();
				a.crossOrigin = "Anonymous", a.src = e, a.onload = () => {
					r.width = a.width, r.height = a.height, i.drawImage(a, 0, 0, r.width, r.height);
					let e = i.getImageData(0, 0, r.width, r.height);
					s.height = r.height, s.width = r.width, t(se(e.data, s));
				};
			});
			throw Error("Input data provided is not supported - aborted tensor creation");
		}
		if (o !== void 0) return se(o, s);
		throw Error("Input data provided is not supported - aborted tensor creation");
	}, le = (e, t) => {
		let { width: n, height: r, download: i, dispose: a } = t;
		return new j({
			location: "texture",
			type: "float32",
			texture: e,
			dims: [
				1,
				r,
				n,
				4
			],
			download: i,
			dispose: a
		});
	}, ue = (e, t) => {
		let { dataType: n, dims: r, download: i, dispose: a } = t;
		return new j({
			location: "gpu-buffer",
			type: n ?? "float32",
			gpuBuffer: e,
			dims: r,
			download: i,
			dispose: a
		});
	}, de = (e, t) => {
		let { dataType: n, dims: r, download: i, dispose: a } = t;
		return new j({
			location: "ml-tensor",
			type: n ?? "float32",
			mlTensor: e,
			dims: r,
			download: i,
			dispose: a
		});
	}, fe = (e, t, n) => new j({
		location: "cpu-pinned",
		type: e,
		data: t,
		dims: n ?? [t.length]
	});
}), k, me, he, A, ge = h(() => {
	k = /* @__PURE__ */ new Map([
		["float32", Float32Array],
		["uint8", Uint8Array],
		["int8", Int8Array],
		["uint16", Uint16Array],
		["int16", Int16Array],
		["int32", Int32Array],
		["bool", Uint8Array],
		["float64", Float64Array],
		["uint32", Uint32Array],
		["int4", Uint8Array],
		["uint4", Uint8Array]
	]), me = /* @__PURE__ */ new Map([
		[Float32Array, "float32"],
		[Uint8Array, "uint8"],
		[Int8Array, "int8"],
		[Uint16Array, "uint16"],
		[Int16Array, "int16"],
		[Int32Array, "int32"],
		[Float64Array, "float64"],
		[Uint32Array, "uint32"]
	]), he = !1, A = () => {
		if (!he) {
			he = !0;
			let e = typeof BigInt64Array < "u" && BigInt64Array.from, t = typeof BigUint64Array < "u" && BigUint64Array.from, n = globalThis.Float16Array, r = typeof n < "u" && n.from;
			e && (k.set("int64", BigInt64Array), me.set(BigInt64Array, "int64")), t && (k.set("uint64", BigUint64Array), me.set(BigUint64Array, "uint64")), r ? (k.set("float16", n), me.set(n, "float16")) : k.set("float16", Uint16Array);
		}
	};
}), _e, ve, ye = h(() => {
	be(), _e = (e) => {
		let t = 1;
		for (let n = 0; n < e.length; n++) {
			let r = e[n];
			if (typeof r != "number" || !Number.isSafeInteger(r)) throw TypeError(`dims[${n}] must be an integer, got: ${r}`);
			if (r < 0) throw RangeError(`dims[${n}] must be a non-negative integer, got: ${r}`);
			t *= r;
		}
		return t;
	}, ve = (e, t) => {
		switch (e.location) {
			case "cpu": return new j(e.type, e.data, t);
			case "cpu-pinned": return new j({
				location: "cpu-pinned",
				data: e.data,
				type: e.type,
				dims: t
			});
			case "texture": return new j({
				location: "texture",
				texture: e.texture,
				type: e.type,
				dims: t
			});
			case "gpu-buffer": return new j({
				location: "gpu-buffer",
				gpuBuffer: e.gpuBuffer,
				type: e.type,
				dims: t
			});
			case "ml-tensor": return new j({
				location: "ml-tensor",
				mlTensor: e.mlTensor,
				type: e.type,
				dims: t
			});
			default: throw Error(`tensorReshape: tensor location ${e.location} is not supported`);
		}
	};
}), j, be = h(() => {
	oe(), pe(), ge(), ye(), j = class {
		constructor(e, t, n) {
			A();
			let r, i;
			if (typeof e == "object" && "location" in e) switch (this.dataLocation = e.location, r = e.type, i = e.dims, e.location) {
				case "cpu-pinned": {
					let t = k.get(r);
					if (!t) throw TypeError(`unsupported type "${r}" to create tensor from pinned buffer`);
					if (!(e.data instanceof t)) throw TypeError(`buffer should be of type ${t.name}`);
					this.cpuData = e.data;
					break;
				}
				case "texture":
					if (r !== "float32") throw TypeError(`unsupported type "${r}" to create tensor from texture`);
					this.gpuTextureData = e.texture, this.downloader = e.download, this.disposer = e.dispose;
					break;
				case "gpu-buffer":
					if (r !== "float32" && r !== "float16" && r !== "int32" && r !== "int64" && r !== "uint32" && r !== "uint8" && r !== "bool" && r !== "uint4" && r !== "int4") throw TypeError(`unsupported type "${r}" to create tensor from gpu buffer`);
					this.gpuBufferData = e.gpuBuffer, this.downloader = e.download, this.disposer = e.dispose;
					break;
				case "ml-tensor":
					if (r !== "float32" && r !== "float16" && r !== "int32" && r !== "int64" && r !== "uint32" && r !== "uint64" && r !== "int8" && r !== "uint8" && r !== "bool" && r !== "uint4" && r !== "int4") throw TypeError(`unsupported type "${r}" to create tensor from MLTensor`);
					this.mlTensorData = e.mlTensor, this.downloader = e.download, this.disposer = e.dispose;
					break;
				default: throw Error(`Tensor constructor: unsupported location '${this.dataLocation}'`);
			}
			else {
				let a, o;
				if (typeof e == "string") {
					if (r = e, o = n, e === "string") {
						if (!Array.isArray(t)) throw TypeError("A string tensor's data must be a string array.");
						a = t;
					} else {
						let n = k.get(e);
						if (n === void 0) throw TypeError(`Unsupported tensor type: ${e}.`);
						if (Array.isArray(t)) {
							if (e === "float16" && n === Uint16Array || e === "uint4" || e === "int4") throw TypeError(`Creating a ${e} tensor from number array is not supported. Please use ${n.name} as data.`);
							a = e === "uint64" || e === "int64" ? n.from(t, BigInt) : n.from(t);
						} else if (t instanceof n) a = t;
						else if (t instanceof Uint8ClampedArray) {
							if (e === "uint8") a = Uint8Array.from(t);
							else throw TypeError("A Uint8ClampedArray tensor's data must be type of uint8");
						} else if (e === "float16" && t instanceof Uint16Array && n !== Uint16Array) a = new globalThis.Float16Array(t.buffer, t.byteOffset, t.length);
						else throw TypeError(`A ${r} tensor's data must be type of ${n}`);
					}
				} else if (o = t, Array.isArray(e)) {
					if (e.length === 0) throw TypeError("Tensor type cannot be inferred from an empty array.");
					let t = typeof e[0];
					if (t === "string") r = "string", a = e;
					else if (t === "boolean") r = "bool", a = Uint8Array.from(e);
					else throw TypeError(`Invalid element type of data array: ${t}.`);
				} else if (e instanceof Uint8ClampedArray) r = "uint8", a = Uint8Array.from(e);
				else {
					let t = me.get(e.constructor);
					if (t === void 0) throw TypeError(`Unsupported type for tensor data: ${e.constructor}.`);
					r = t, a = e;
				}
				if (o === void 0) o = [a.length];
				else if (!Array.isArray(o)) throw TypeError("A tensor's dims must be a number array");
				i = o, this.cpuData = a, this.dataLocation = "cpu";
			}
			let a = _e(i);
			if (this.cpuData && a !== this.cpuData.length && (r !== "uint4" && r !== "int4" || Math.ceil(a / 2) !== this.cpuData.length)) throw Error(`Tensor's size(${a}) does not match data length(${this.cpuData.length}).`);
			this.type = r, this.dims = i, this.size = a;
		}
		static async fromImage(e, t) {
			return ce(e, t);
		}
		static fromTexture(e, t) {
			return le(e, t);
		}
		static fromGpuBuffer(e, t) {
			return ue(e, t);
		}
		static fromMLTensor(e, t) {
			return de(e, t);
		}
		static fromPinnedBuffer(e, t, n) {
			return fe(e, t, n);
		}
		toDataURL(e) {
			return ie(this, e);
		}
		toImageData(e) {
			return ae(this, e);
		}
		get data() {
			if (this.ensureValid(), !this.cpuData) throw Error("The data is not on CPU. Use `getData()` to download GPU data to CPU, or use `texture` or `gpuBuffer` property to access the GPU data directly.");
			return this.cpuData;
		}
		get location() {
			return this.dataLocation;
		}
		get texture() {
			if (this.ensureValid(), !this.gpuTextureData) throw Error("The data is not stored as a WebGL texture.");
			return this.gpuTextureData;
		}
		get gpuBuffer() {
			if (this.ensureValid(), !this.gpuBufferData) throw Error("The data is not stored as a WebGPU buffer.");
			return this.gpuBufferData;
		}
		get mlTensor() {
			if (this.ensureValid(), !this.mlTensorData) throw Error("The data is not stored as a WebNN MLTensor.");
			return this.mlTensorData;
		}
		async getData(e) {
			switch (this.ensureValid(), this.dataLocation) {
				case "cpu":
				case "cpu-pinned": return this.data;
				case "texture":
				case "gpu-buffer":
				case "ml-tensor":
					if (!this.downloader) throw Error("The current tensor is not created with a specified data downloader.");
					if (this.isDownloading) throw Error("The current tensor is being downloaded.");
					try {
						this.isDownloading = !0;
						let t = await this.downloader();
						return this.downloader = void 0, this.dataLocation = "cpu", this.cpuData = t, e && this.disposer && (this.disposer(), this.disposer = void 0), t;
					} finally {
						this.isDownloading = !1;
					}
				default: throw Error(`cannot get data from location: ${this.dataLocation}`);
			}
		}
		dispose() {
			if (this.isDownloading) throw Error("The current tensor is being downloaded.");
			this.disposer &&= (this.disposer(), void 0), this.cpuData = void 0, this.gpuTextureData = void 0, this.gpuBufferData = void 0, this.mlTensorData = void 0, this.downloader = void 0, this.isDownloading = void 0, this.dataLocation = "none";
		}
		ensureValid() {
			if (this.dataLocation === "none") throw Error("The tensor is disposed.");
		}
		reshape(e) {
			if (this.ensureValid(), this.downloader || this.disposer) throw Error("Cannot reshape a tensor that owns GPU resource.");
			return ve(this, e);
		}
	};
}), M, xe = h(() => {
	be(), M = j;
}), Se, Ce, we, N, Te, P, Ee = h(() => {
	ne(), Se = (e, t) => {
		(typeof D.trace > "u" ? !D.wasm.trace : !D.trace) || console.timeStamp(`${e}::ORT::${t}`);
	}, Ce = (e, t) => {
		let n = (/* @__PURE__ */ Error()).stack?.split(/\r\n|\r|\n/g) || [], r = !1;
		for (let i = 0; i < n.length; i++) {
			if (r && !n[i].includes("TRACE_FUNC")) {
				let r = `FUNC_${e}::${n[i].trim().split(" ")[1]}`;
				t && (r += `::${t}`), Se("CPU", r);
				return;
			}
			n[i].includes("TRACE_FUNC") && (r = !0);
		}
	}, we = (e) => {
		(typeof D.trace > "u" ? !D.wasm.trace : !D.trace) || Ce("BEGIN", e);
	}, N = (e) => {
		(typeof D.trace > "u" ? !D.wasm.trace : !D.trace) || Ce("END", e);
	}, Te = (e) => {
		(typeof D.trace > "u" ? !D.wasm.trace : !D.trace) || console.time(`ORT::${e}`);
	}, P = (e) => {
		(typeof D.trace > "u" ? !D.wasm.trace : !D.trace) || console.timeEnd(`ORT::${e}`);
	};
}), De, Oe = h(() => {
	C(), xe(), Ee(), De = class e {
		constructor(e) {
			this.handler = e;
		}
		async run(e, t, n) {
			we(), Te("InferenceSession.run");
			let r = {}, i = {};
			if (typeof e != "object" || !e || e instanceof M || Array.isArray(e)) throw TypeError("'feeds' must be an object that use input names as keys and OnnxValue as corresponding values.");
			let a = !0;
			if (typeof t == "object") {
				if (t === null) throw TypeError("Unexpected argument[1]: cannot be null.");
				if (t instanceof M) throw TypeError("'fetches' cannot be a Tensor");
				if (Array.isArray(t)) {
					if (t.length === 0) throw TypeError("'fetches' cannot be an empty array.");
					a = !1;
					for (let e of t) {
						if (typeof e != "string") throw TypeError("'fetches' must be a string array or an object.");
						if (this.outputNames.indexOf(e) === -1) throw RangeError(`'fetches' contains invalid output name: ${e}.`);
						r[e] = null;
					}
					if (typeof n == "object" && n) i = n;
					else if (typeof n < "u") throw TypeError("'options' must be an object.");
				} else {
					let e = !1, o = Object.getOwnPropertyNames(t);
					for (let n of this.outputNames) if (o.indexOf(n) !== -1) {
						let i = t[n];
						(i === null || i instanceof M) && (e = !0, a = !1, r[n] = i);
					}
					if (e) {
						if (typeof n == "object" && n) i = n;
						else if (typeof n < "u") throw TypeError("'options' must be an object.");
					} else i = t;
				}
			} else if (typeof t < "u") throw TypeError("Unexpected argument[1]: must be 'fetches' or 'options'.");
			for (let t of this.inputNames) if (typeof e[t] > "u") throw Error(`input '${t}' is missing in 'feeds'.`);
			if (a) for (let e of this.outputNames) r[e] = null;
			let o = await this.handler.run(e, r, i), s = {};
			for (let e in o) if (Object.hasOwnProperty.call(o, e)) {
				let t = o[e];
				s[e] = t instanceof M ? t : new M(t.type, t.data, t.dims);
			}
			return P("InferenceSession.run"), N(), s;
		}
		async release() {
			return this.handler.dispose();
		}
		static async create(t, n, r, i) {
			we(), Te("InferenceSession.create");
			let a, o = {};
			if (typeof t == "string") {
				if (a = t, typeof n == "object" && n) o = n;
				else if (typeof n < "u") throw TypeError("'options' must be an object.");
			} else if (t instanceof Uint8Array) {
				if (a = t, typeof n == "object" && n) o = n;
				else if (typeof n < "u") throw TypeError("'options' must be an object.");
			} else if (t instanceof ArrayBuffer || typeof SharedArrayBuffer < "u" && t instanceof SharedArrayBuffer) {
				let e = t, s = 0, c = t.byteLength;
				if (typeof n == "object" && n) o = n;
				else if (typeof n == "number") {
					if (s = n, !Number.isSafeInteger(s)) throw RangeError("'byteOffset' must be an integer.");
					if (s < 0 || s >= e.byteLength) throw RangeError(`'byteOffset' is out of range [0, ${e.byteLength}).`);
					if (c = t.byteLength - s, typeof r == "number") {
						if (c = r, !Number.isSafeInteger(c)) throw RangeError("'byteLength' must be an integer.");
						if (c <= 0 || s + c > e.byteLength) throw RangeError(`'byteLength' is out of range (0, ${e.byteLength - s}].`);
						if (typeof i == "object" && i) o = i;
						else if (typeof i < "u") throw TypeError("'options' must be an object.");
					} else if (typeof r < "u") throw TypeError("'byteLength' must be a number.");
				} else if (typeof n < "u") throw TypeError("'options' must be an object.");
				a = new Uint8Array(e, s, c);
			} else throw TypeError("Unexpected argument[0]: must be 'path' or 'buffer'.");
			let [s, c] = await ee(o), l = await s.createInferenceSessionHandler(a, c);
			return P("InferenceSession.create"), N(), new e(l);
		}
		startProfiling() {
			this.handler.startProfiling();
		}
		endProfiling() {
			this.handler.endProfiling();
		}
		get inputNames() {
			return this.handler.inputNames;
		}
		get outputNames() {
			return this.handler.outputNames;
		}
		get inputMetadata() {
			return this.handler.inputMetadata;
		}
		get outputMetadata() {
			return this.handler.outputMetadata;
		}
	};
}), ke, Ae = h(() => {
	Oe(), ke = De;
}), je = h(() => {}), Me = h(() => {}), Ne = h(() => {}), Pe = h(() => {});
g({}, {
	InferenceSession: () => ke,
	TRACE: () => Se,
	TRACE_EVENT_BEGIN: () => Te,
	TRACE_EVENT_END: () => P,
	TRACE_FUNC_BEGIN: () => we,
	TRACE_FUNC_END: () => N,
	Tensor: () => M,
	env: () => O,
	registerBackend: () => x
});
var Fe = h(() => {
	w(), re(), Ae(), xe(), je(), Me(), Ee(), Ne(), Pe();
}), Ie = h(() => {}), Le = {};
g(Le, { default: () => Be });
var Re, ze, Be, Ve = h(() => {
	Xt(), ht(), ot(), Re = "ort-wasm-proxy-worker", ze = globalThis.self?.name === Re, ze && (self.onmessage = (e) => {
		let { type: t, in: n } = e.data;
		try {
			switch (t) {
				case "init-wasm":
					mt(n.wasm).then(() => {
						Rt(n).then(() => {
							postMessage({ type: t });
						}, (e) => {
							postMessage({
								type: t,
								err: e
							});
						});
					}, (e) => {
						postMessage({
							type: t,
							err: e
						});
					});
					break;
				case "init-ep": {
					let { epName: e, env: r } = n;
					zt(r, e).then(() => {
						postMessage({ type: t });
					}, (e) => {
						postMessage({
							type: t,
							err: e
						});
					});
					break;
				}
				case "copy-from": {
					let { buffer: e } = n, r = Ut(e);
					postMessage({
						type: t,
						out: r
					});
					break;
				}
				case "create": {
					let { model: e, options: r } = n;
					Wt(e, r).then((e) => {
						postMessage({
							type: t,
							out: e
						});
					}, (e) => {
						postMessage({
							type: t,
							err: e
						});
					});
					break;
				}
				case "release":
					Gt(n), postMessage({ type: t });
					break;
				case "run": {
					let { sessionId: e, inputIndices: r, inputs: i, outputIndices: a, options: o } = n;
					qt(e, r, i, a, Array(a.length).fill(null), o).then((e) => {
						e.some((e) => e[3] !== "cpu") ? postMessage({
							type: t,
							err: "Proxy does not support non-cpu tensor location."
						}) : postMessage({
							type: t,
							out: e
						}, Yt([...i, ...e]));
					}, (e) => {
						postMessage({
							type: t,
							err: e
						});
					});
					break;
				}
				case "end-profiling": Jt(n), postMessage({ type: t });
			}
		} catch (e) {
			postMessage({
				type: t,
				err: e
			});
		}
	}), Be = ze ? null : (e) => new Worker(e ?? F, {
		type: "module",
		name: Re
	});
}), He = {};
g(He, { default: () => We });
async function Ue(e = {}) {
	var t = e, n = !!globalThis.window, r = !!globalThis.WorkerGlobalScope, i = r && self.name?.startsWith("em-pthread");
	t.mountExternalData = (e, n) => {
		e.startsWith("./") && (e = e.substring(2)), (t.Tb ||= /* @__PURE__ */ new Map()).set(e, n);
	}, t.unmountExternalData = () => {
		delete t.Tb, delete t.mc, delete t.lc, delete t.nc;
	}, globalThis.SharedArrayBuffer ?? new WebAssembly.Memory({
		initial: 0,
		maximum: 0,
		shared: !0
	}).buffer.constructor;
	var a, o, s = (e, t) => {
		throw t;
	}, c = import.meta.url, l = "";
	if (n || r) {
		try {
			l = new URL(".", c).href;
		} catch {}
		r && (o = (e) => {
			var t = new XMLHttpRequest();
			return t.open("GET", e, !1), t.responseType = "arraybuffer", t.send(null), new Uint8Array(t.response);
		}), a = async (e) => {
			if (x(e)) return new Promise((t, n) => {
				var r = new XMLHttpRequest();
				r.open("GET", e, !0), r.responseType = "arraybuffer", r.onload = () => {
					r.status == 200 || r.status == 0 && r.response ? t(r.response) : n(r.status);
				}, r.onerror = n, r.send(null);
			});
			var t = await fetch(e, { credentials: "same-origin" });
			if (t.ok) return t.arrayBuffer();
			throw Error(t.status + " : " + t.url);
		};
	}
	var u, d, f, p, m, h, g = console.log.bind(console), _ = console.error.bind(console), v = g, y = _, b = !1, x = (e) => e.startsWith("file://");
	function S() {
		N.buffer != C.buffer && ae();
	}
	if (i) {
		let e = function(n) {
			try {
				var r = n.data, i = r.Rb;
				if (i === "load") {
					let n = [];
					self.onmessage = (e) => n.push(e), h = () => {
						postMessage({ Rb: "loaded" });
						for (let t of n) e(t);
						self.onmessage = e;
					};
					for (let e of r.ac) t[e] && !t[e].proxy || (t[e] = (...t) => {
						postMessage({
							Rb: "callHandler",
							$b: e,
							args: t
						});
					}, e == "print" && (v = t[e]), e == "printErr" && (y = t[e]));
					N = r.fc, ae(), d = r.hc, le(), q();
				} else if (i === "run") {
					(function(e) {
						var t = (S(), E)[e + 52 >>> 2 >>> 0];
						e = (S(), E)[e + 56 >>> 2 >>> 0], fn(t, t - e), W(t);
					})(r.Qb), H(r.Qb, 0, 0, 1, 0, 0), Se(), ut(r.Qb), ee ||= !0;
					try {
						Ee(r.dc, r.Vb);
					} catch (e) {
						if (e != "unwind") throw e;
					}
				} else r.target !== "setimmediate" && (i === "checkMailbox" ? ee && dt() : i && (y(`worker: received unknown command ${i}`), y(r)));
			} catch (e) {
				throw an(), e;
			}
		};
		var ee = !1;
		self.onunhandledrejection = (e) => {
			throw e.reason || e;
		}, self.onmessage = e;
	}
	var C, w, te, T, E, D, ne, O, re, ie = !1;
	function ae() {
		var e = N.buffer;
		t.HEAP8 = C = new Int8Array(e), te = new Int16Array(e), t.HEAPU8 = w = new Uint8Array(e), new Uint16Array(e), t.HEAP32 = T = new Int32Array(e), t.HEAPU32 = E = new Uint32Array(e), D = new Float32Array(e), ne = new Float64Array(e), O = new BigInt64Array(e), new BigUint64Array(e);
	}
	function oe() {
		ie = !0, i ? h() : yn.Va();
	}
	function se(e) {
		throw y(e = "Aborted(" + e + ")"), b = !0, e = new WebAssembly.RuntimeError(e + ". Build with -sASSERTIONS for more info."), m?.(e), e;
	}
	function ce() {
		return { a: {
			T: Sn,
			f: ke,
			w: je,
			e: Ie,
			k: Le,
			h: Re,
			L: ze,
			b: Be,
			G: Ve,
			ua: Ue,
			j: We,
			M: Je,
			La: Ye,
			qa: F,
			sa: Xe,
			Ma: Ze,
			Ja: Qe,
			Ca: $e,
			Ia: et,
			Z: tt,
			ra: nt,
			oa: rt,
			Ka: it,
			pa: at,
			Ra: ot,
			Fa: st,
			ma: ft,
			va: mt,
			ja: I,
			U: ht,
			Ea: ut,
			Oa: L,
			za: gt,
			Aa: yt,
			Ba: bt,
			xa: xt,
			ya: St,
			ka: wt,
			Ta: Et,
			Qa: kt,
			W: jt,
			V: Mt,
			Pa: Dt,
			F: Nt,
			Na: Pt,
			na: Ft,
			u: Ct,
			H: It,
			S: Ht,
			la: Ut,
			ba: Vt,
			Ua: Wt,
			Ga: Jt,
			Ha: Yt,
			ta: ve,
			I: Xt,
			wa: B,
			Y: V,
			Da: Zt,
			X: $t,
			$: ir,
			N: $n,
			aa: rr,
			O: Qn,
			v: Hn,
			d: En,
			m: wn,
			n: Cn,
			r: In,
			ca: K,
			E: Yn,
			o: kn,
			P: Xn,
			C: er,
			J: Jn,
			da: qn,
			ea: Kn,
			z: Ln,
			fa: Wn,
			Q: Gn,
			ga: Un,
			y: Bn,
			D: Zn,
			c: Tn,
			q: On,
			i: Dn,
			_: ar,
			l: jn,
			p: Mn,
			s: An,
			t: Nn,
			x: Rn,
			R: Vn,
			A: tr,
			K: zn,
			B: nr,
			ha: Fn,
			ia: Pn,
			g: en,
			a: N,
			Sa: ge
		} };
	}
	async function le() {
		function e(e, n) {
			return yn = e.exports, yn = (function() {
				var e = yn, t = (e) => () => e() >>> 0, n = (e) => (t) => e(t) >>> 0;
				return (e = Object.assign({}, e)).ub = t(e.ub), e.wb = n(e.wb), e.Kb = n(e.Kb), e.Lb = t(e.Lb), e.Pb = n(e.Pb), e;
			})(), be.push(yn.xb), e = yn, t._OrtInit = e.Wa, t._OrtGetLastError = e.Xa, t._OrtCreateSessionOptions = e.Ya, t._OrtAppendExecutionProvider = e.Za, t._OrtAddFreeDimensionOverride = e._a, t._OrtAddSessionConfigEntry = e.$a, t._OrtReleaseSessionOptions = e.ab, t._OrtCreateSession = e.bb, t._OrtReleaseSession = e.cb, t._OrtGetInputOutputCount = e.db, t._OrtGetInputOutputMetadata = e.eb, t._OrtFree = e.fb, t._OrtCreateTensor = e.gb, t._OrtGetTensorData = e.hb, t._OrtReleaseTensor = e.ib, t._OrtCreateRunOptions = e.jb, t._OrtAddRunConfigEntry = e.kb, t._OrtReleaseRunOptions = e.lb, t._OrtCreateBinding = e.mb, t._OrtBindInput = e.nb, t._OrtBindOutput = e.ob, t._OrtClearBoundOutputs = e.pb, t._OrtReleaseBinding = e.qb, t._OrtRunWithBinding = e.rb, t._OrtRun = e.sb, t._OrtEndProfiling = e.tb, tn = e.ub, nn = t._free = e.vb, rn = t._malloc = e.wb, H = e.zb, an = e.Ab, on = e.Bb, sn = e.Cb, cn = e.Db, ln = e.Eb, un = e.Fb, U = e.Gb, dn = e.Hb, fn = e.Ib, W = e.Jb, pn = e.Kb, G = e.Lb, mn = e.Mb, hn = e.Nb, gn = e.Ob, _n = e.Pb, vn = e.yb, d = n, yn;
		}
		var n, r = ce();
		return t.instantiateWasm ? new Promise((n) => {
			t.instantiateWasm(r, (t, r) => {
				n(e(t, r));
			});
		}) : i ? e(new WebAssembly.Instance(d, ce()), d) : (re ??= t.locateFile ? t.locateFile ? t.locateFile("ort-wasm-simd-threaded.wasm", l) : l + "ort-wasm-simd-threaded.wasm" : new URL(import.meta.url).href, n = await (async function(e) {
			var t = re;
			if (!u && !x(t)) try {
				var n = fetch(t, { credentials: "same-origin" });
				return await WebAssembly.instantiateStreaming(n, e);
			} catch (e) {
				y(`wasm streaming compile failed: ${e}`), y("falling back to ArrayBuffer instantiation");
			}
			return (async function(e, t) {
				try {
					var n = await (async function(e) {
						if (!u) try {
							var t = await a(e);
							return new Uint8Array(t);
						} catch {}
						if (e == re && u) e = new Uint8Array(u);
						else {
							if (!o) throw "both async and sync fetching of the wasm failed";
							e = o(e);
						}
						return e;
					})(e);
					return await WebAssembly.instantiate(n, t);
				} catch (e) {
					y(`failed to asynchronously prepare wasm: ${e}`), se(e);
				}
			})(t, e);
		})(r), e(n.instance, n.module));
	}
	class ue {
		name = "ExitStatus";
		constructor(e) {
			this.message = `Program terminated with exit(${e})`, this.status = e;
		}
	}
	var de = (e) => {
		e.terminate(), e.onmessage = () => {};
	}, fe = [], pe = 0, k = null, me = (e) => {
		ye.length == 0 && (we(), Ce(ye[0]));
		var t = ye.pop();
		if (!t) return 6;
		j.push(t), M[e.Qb] = t, t.Qb = e.Qb;
		var n = {
			Rb: "run",
			dc: e.cc,
			Vb: e.Vb,
			Qb: e.Qb
		};
		return t.postMessage(n, e.Zb), 0;
	}, he = 0, A = (e, t, ...n) => {
		var r, i = 16 * n.length, a = G(), o = pn(i), s = o >>> 3;
		for (r of n) typeof r == "bigint" ? ((S(), O)[s++ >>> 0] = 1n, (S(), O)[s++ >>> 0] = r) : ((S(), O)[s++ >>> 0] = 0n, (S(), ne)[s++ >>> 0] = r);
		return e = on(e, 0, i, o, t), W(a), e;
	};
	function ge(e) {
		if (i) return A(0, 1, e);
		if (f = e, !(0 < he)) {
			for (var t of j) de(t);
			for (t of ye) de(t);
			ye = [], j = [], M = {}, b = !0;
		}
		s(0, new ue(e));
	}
	function _e(e) {
		if (i) return A(1, 0, e);
		ve(e);
	}
	var ve = (e) => {
		if (f = e, i) throw _e(e), "unwind";
		ge(e);
	}, ye = [], j = [], be = [], M = {}, xe = (e) => {
		var t = e.Qb;
		delete M[t], ye.push(e), j.splice(j.indexOf(e), 1), e.Qb = 0, sn(t);
	};
	function Se() {
		be.forEach((e) => e());
	}
	var Ce = (e) => new Promise((n) => {
		e.onmessage = (r) => {
			var i = r.data;
			if (r = i.Rb, i.Ub && i.Ub != tn()) {
				var a = M[i.Ub];
				a ? a.postMessage(i, i.Zb) : y(`Internal error! Worker sent a message "${r}" to target pthread ${i.Ub}, but that thread no longer exists!`);
			} else r === "checkMailbox" ? dt() : r === "spawnThread" ? me(i) : r === "cleanupThread" ? ct(() => {
				xe(M[i.ec]);
			}) : r === "loaded" ? (e.loaded = !0, n(e)) : i.target === "setimmediate" ? e.postMessage(i) : r === "uncaughtException" ? e.onerror(i.error) : r === "callHandler" ? t[i.$b](...i.args) : r && y(`worker sent an unknown command ${r}`);
		}, e.onerror = (e) => {
			throw y(`worker sent an error! ${e.filename}:${e.lineno}: ${e.message}`), e;
		};
		var r, i = [];
		for (r of []) t.propertyIsEnumerable(r) && i.push(r);
		e.postMessage({
			Rb: "load",
			ac: i,
			fc: N,
			hc: d
		});
	});
	function we() {
		var e = new Worker((() => {
			let e = URL;
			return import.meta.url > "file:" && import.meta.url < "file;" ? new e("ort.wasm.bundle.min.mjs", import.meta.url) : new URL(import.meta.url);
		})(), {
			type: "module",
			workerData: "em-pthread",
			name: "em-pthread"
		});
		ye.push(e);
	}
	var N, Te = [], P = (e) => {
		var t = Te[e];
		return t || (Te[e] = t = vn.get(e)), t;
	}, Ee = (e, t) => {
		he = 0, e = P(e)(t), 0 < he ? f = e : cn(e);
	}, De = [], Oe = 0;
	function ke(e) {
		var t = new Pe(e >>>= 0);
		return (S(), C)[t.Sb + 12 >>> 0] == 0 && (Me(t, !0), Oe--), Ne(t, !1), De.push(t), _n(e);
	}
	var Ae = 0, je = () => {
		U(0, 0);
		var e = De.pop();
		mn(e.Wb), Ae = 0;
	};
	function Me(e, t) {
		t = +!!t, (S(), C)[e.Sb + 12 >>> 0] = t;
	}
	function Ne(e, t) {
		t = +!!t, (S(), C)[e.Sb + 13 >>> 0] = t;
	}
	class Pe {
		constructor(e) {
			this.Wb = e, this.Sb = e - 24;
		}
	}
	var Fe = (e) => {
		var t = Ae;
		if (!t) return dn(0), 0;
		var n = new Pe(t);
		(S(), E)[n.Sb + 16 >>> 2 >>> 0] = t;
		var r = (S(), E)[n.Sb + 4 >>> 2 >>> 0];
		if (!r) return dn(0), t;
		for (var i of e) {
			if (i === 0 || i === r) break;
			if (gn(i, r, n.Sb + 16)) return dn(i), t;
		}
		return dn(r), t;
	};
	function Ie() {
		return Fe([]);
	}
	function Le(e) {
		return Fe([e >>> 0]);
	}
	function Re(e, t, n, r) {
		return Fe([
			e >>> 0,
			t >>> 0,
			n >>> 0,
			r >>> 0
		]);
	}
	var ze = () => {
		var e = De.pop();
		e || se("no exception to throw");
		var t = e.Wb;
		throw (S(), C)[e.Sb + 13 >>> 0] == 0 && (De.push(e), Ne(e, !0), Me(e, !1), Oe++), hn(t), Ae = t;
	};
	function Be(e, t, n) {
		var r = new Pe(e >>>= 0);
		throw t >>>= 0, n >>>= 0, (S(), E)[r.Sb + 16 >>> 2 >>> 0] = 0, (S(), E)[r.Sb + 4 >>> 2 >>> 0] = t, (S(), E)[r.Sb + 8 >>> 2 >>> 0] = n, hn(e), Oe++, Ae = e;
	}
	var Ve = () => Oe;
	function He(e, t, n, r) {
		return i ? A(2, 1, e, t, n, r) : Ue(e, t, n, r);
	}
	function Ue(e, t, n, r) {
		if (e >>>= 0, t >>>= 0, n >>>= 0, r >>>= 0, !globalThis.SharedArrayBuffer) return 6;
		var a = [];
		return i && a.length === 0 ? He(e, t, n, r) : (e = {
			cc: n,
			Qb: e,
			Vb: r,
			Zb: a
		}, i ? (e.Rb = "spawnThread", postMessage(e, a), 0) : me(e));
	}
	function We(e) {
		throw Ae ||= e >>> 0, Ae;
	}
	var Ge = globalThis.TextDecoder && new TextDecoder(), Ke = (e, t = 0, n, r) => {
		var i = t >>>= 0;
		if (n = i + n, r) r = n;
		else {
			for (; e[i] && !(i >= n);) ++i;
			r = i;
		}
		if (16 < r - t && e.buffer && Ge) return Ge.decode(e.buffer instanceof ArrayBuffer ? e.subarray(t, r) : e.slice(t, r));
		for (i = ""; t < r;) if (128 & (n = e[t++])) {
			var a = 63 & e[t++];
			if ((224 & n) == 192) i += String.fromCharCode((31 & n) << 6 | a);
			else {
				var o = 63 & e[t++];
				65536 > (n = (240 & n) == 224 ? (15 & n) << 12 | a << 6 | o : (7 & n) << 18 | a << 12 | o << 6 | 63 & e[t++]) ? i += String.fromCharCode(n) : (n -= 65536, i += String.fromCharCode(55296 | n >> 10, 56320 | 1023 & n));
			}
		} else i += String.fromCharCode(n);
		return i;
	}, qe = (e, t, n) => (e >>>= 0) ? Ke((S(), w), e, t, n) : "";
	function Je(e, t, n) {
		return i ? A(3, 1, e, t, n) : 0;
	}
	function Ye(e, t) {
		if (i) return A(4, 1, e, t);
	}
	function F(e, t) {
		if (i) return A(5, 1, e, t);
	}
	function Xe(e, t, n) {
		if (i) return A(6, 1, e, t, n);
	}
	function Ze(e, t, n) {
		return i ? A(7, 1, e, t, n) : 0;
	}
	function Qe(e, t) {
		if (i) return A(8, 1, e, t);
	}
	function $e(e, t, n) {
		if (i) return A(9, 1, e, t, n);
	}
	function et(e, t, n, r) {
		if (i) return A(10, 1, e, t, n, r);
	}
	function tt(e, t, n, r) {
		if (i) return A(11, 1, e, t, n, r);
	}
	function nt(e, t, n, r) {
		if (i) return A(12, 1, e, t, n, r);
	}
	function rt(e) {
		if (i) return A(13, 1, e);
	}
	function it(e, t) {
		if (i) return A(14, 1, e, t);
	}
	function at(e, t, n) {
		if (i) return A(15, 1, e, t, n);
	}
	var ot = () => se("");
	function st(e) {
		H(e >>> 0, !r, 1, !n, 131072, !1), Se();
	}
	var ct = (e) => {
		if (!b) try {
			if (e(), !(0 < he)) try {
				i ? tn() && cn(f) : ve(f);
			} catch (e) {
				e instanceof ue || e == "unwind" || s(0, e);
			}
		} catch (e) {
			e instanceof ue || e == "unwind" || s(0, e);
		}
	}, lt = !Atomics.waitAsync || globalThis.navigator?.userAgent && 91 > Number((navigator.userAgent.match(/Chrom(e|ium)\/([0-9]+)\./) || [])[2]);
	function ut(e) {
		e >>>= 0, lt || (Atomics.waitAsync((S(), T), e >>> 2, e).value.then(dt), e += 128, Atomics.store((S(), T), e >>> 2, 1));
	}
	var dt = () => ct(() => {
		var e = tn();
		e && (ut(e), un());
	});
	function ft(e, t) {
		(e >>>= 0) == t >>> 0 ? setTimeout(dt) : i ? postMessage({
			Ub: e,
			Rb: "checkMailbox"
		}) : (e = M[e]) && e.postMessage({ Rb: "checkMailbox" });
	}
	var pt = [];
	function mt(e, t, n, r, i) {
		for (t >>>= 0, i >>>= 0, pt.length = 0, n = i >>> 3, r = i + r >>> 3; n < r;) {
			var a = (S(), O)[n++ >>> 0] ? (S(), O)[n++ >>> 0] : (S(), ne)[n++ >>> 0];
			pt.push(a);
		}
		return (t ? xn[t] : bn[e])(...pt);
	}
	var I = () => {
		he = 0;
	};
	function ht(e) {
		e >>>= 0, i ? postMessage({
			Rb: "cleanupThread",
			ec: e
		}) : xe(M[e]);
	}
	function L(e) {}
	function gt(e, t) {
		e = -9007199254740992 > e || 9007199254740992 < e ? NaN : Number(e), t >>>= 0, e = /* @__PURE__ */ new Date(1e3 * e), (S(), T)[t >>> 2 >>> 0] = e.getUTCSeconds(), (S(), T)[t + 4 >>> 2 >>> 0] = e.getUTCMinutes(), (S(), T)[t + 8 >>> 2 >>> 0] = e.getUTCHours(), (S(), T)[t + 12 >>> 2 >>> 0] = e.getUTCDate(), (S(), T)[t + 16 >>> 2 >>> 0] = e.getUTCMonth(), (S(), T)[t + 20 >>> 2 >>> 0] = e.getUTCFullYear() - 1900, (S(), T)[t + 24 >>> 2 >>> 0] = e.getUTCDay(), e = (e.getTime() - Date.UTC(e.getUTCFullYear(), 0, 1, 0, 0, 0, 0)) / 864e5 | 0, (S(), T)[t + 28 >>> 2 >>> 0] = e;
	}
	var R = (e) => e % 4 == 0 && (e % 100 != 0 || e % 400 == 0), _t = [
		0,
		31,
		60,
		91,
		121,
		152,
		182,
		213,
		244,
		274,
		305,
		335
	], vt = [
		0,
		31,
		59,
		90,
		120,
		151,
		181,
		212,
		243,
		273,
		304,
		334
	];
	function yt(e, t) {
		e = -9007199254740992 > e || 9007199254740992 < e ? NaN : Number(e), t >>>= 0, e = /* @__PURE__ */ new Date(1e3 * e), (S(), T)[t >>> 2 >>> 0] = e.getSeconds(), (S(), T)[t + 4 >>> 2 >>> 0] = e.getMinutes(), (S(), T)[t + 8 >>> 2 >>> 0] = e.getHours(), (S(), T)[t + 12 >>> 2 >>> 0] = e.getDate(), (S(), T)[t + 16 >>> 2 >>> 0] = e.getMonth(), (S(), T)[t + 20 >>> 2 >>> 0] = e.getFullYear() - 1900, (S(), T)[t + 24 >>> 2 >>> 0] = e.getDay();
		var n = (R(e.getFullYear()) ? _t : vt)[e.getMonth()] + e.getDate() - 1 | 0;
		(S(), T)[t + 28 >>> 2 >>> 0] = n, (S(), T)[t + 36 >>> 2 >>> 0] = -60 * e.getTimezoneOffset(), n = new Date(e.getFullYear(), 6, 1).getTimezoneOffset();
		var r = new Date(e.getFullYear(), 0, 1).getTimezoneOffset();
		e = 0 | (n != r && e.getTimezoneOffset() == Math.min(r, n)), (S(), T)[t + 32 >>> 2 >>> 0] = e;
	}
	function bt(e) {
		e >>>= 0;
		var t = new Date((S(), T)[e + 20 >>> 2 >>> 0] + 1900, (S(), T)[e + 16 >>> 2 >>> 0], (S(), T)[e + 12 >>> 2 >>> 0], (S(), T)[e + 8 >>> 2 >>> 0], (S(), T)[e + 4 >>> 2 >>> 0], (S(), T)[e >>> 2 >>> 0], 0), n = (S(), T)[e + 32 >>> 2 >>> 0], r = t.getTimezoneOffset(), i = new Date(t.getFullYear(), 6, 1).getTimezoneOffset(), a = new Date(t.getFullYear(), 0, 1).getTimezoneOffset(), o = Math.min(a, i);
		return 0 > n ? (S(), T)[e + 32 >>> 2 >>> 0] = +(i != a && o == r) : 0 < n != (o == r) && (i = Math.max(a, i), t.setTime(t.getTime() + 6e4 * ((0 < n ? o : i) - r))), (S(), T)[e + 24 >>> 2 >>> 0] = t.getDay(), n = (R(t.getFullYear()) ? _t : vt)[t.getMonth()] + t.getDate() - 1 | 0, (S(), T)[e + 28 >>> 2 >>> 0] = n, (S(), T)[e >>> 2 >>> 0] = t.getSeconds(), (S(), T)[e + 4 >>> 2 >>> 0] = t.getMinutes(), (S(), T)[e + 8 >>> 2 >>> 0] = t.getHours(), (S(), T)[e + 12 >>> 2 >>> 0] = t.getDate(), (S(), T)[e + 16 >>> 2 >>> 0] = t.getMonth(), (S(), T)[e + 20 >>> 2 >>> 0] = t.getYear(), e = t.getTime(), BigInt(isNaN(e) ? -1 : e / 1e3);
	}
	function xt(e, t, n, r, a, o, s) {
		return i ? A(16, 1, e, t, n, r, a, o, s) : -52;
	}
	function St(e, t, n, r, a, o) {
		if (i) return A(17, 1, e, t, n, r, a, o);
	}
	var z = {}, Ct = () => performance.timeOrigin + performance.now();
	function wt(e, t) {
		return i ? A(18, 1, e, t) : (z[e] && (clearTimeout(z[e].id), delete z[e]), t && (z[e] = {
			id: setTimeout(() => {
				delete z[e], ct(() => ln(e, performance.timeOrigin + performance.now()));
			}, t),
			oc: t
		}), 0);
	}
	var Tt = (e, t, n) => {
		var r = (S(), w);
		if (t >>>= 0, 0 < n) {
			var i = t;
			n = t + n - 1;
			for (var a = 0; a < e.length; ++a) {
				var o = e.codePointAt(a);
				if (127 >= o) {
					if (t >= n) break;
					r[t++ >>> 0] = o;
				} else if (2047 >= o) {
					if (t + 1 >= n) break;
					r[t++ >>> 0] = 192 | o >> 6, r[t++ >>> 0] = 128 | 63 & o;
				} else if (65535 >= o) {
					if (t + 2 >= n) break;
					r[t++ >>> 0] = 224 | o >> 12, r[t++ >>> 0] = 128 | o >> 6 & 63, r[t++ >>> 0] = 128 | 63 & o;
				} else {
					if (t + 3 >= n) break;
					r[t++ >>> 0] = 240 | o >> 18, r[t++ >>> 0] = 128 | o >> 12 & 63, r[t++ >>> 0] = 128 | o >> 6 & 63, r[t++ >>> 0] = 128 | 63 & o, a++;
				}
			}
			r[t >>> 0] = 0, e = t - i;
		} else e = 0;
		return e;
	};
	function Et(e, t, n, r) {
		e >>>= 0, t >>>= 0, n >>>= 0, r >>>= 0;
		var i = (/* @__PURE__ */ new Date()).getFullYear(), a = new Date(i, 0, 1).getTimezoneOffset();
		i = new Date(i, 6, 1).getTimezoneOffset();
		var o = Math.max(a, i);
		(S(), E)[e >>> 2 >>> 0] = 60 * o, (S(), T)[t >>> 2 >>> 0] = +(a != i), e = (t = (e) => {
			var t = Math.abs(e);
			return `UTC${0 <= e ? "-" : "+"}${String(Math.floor(t / 60)).padStart(2, "0")}${String(t % 60).padStart(2, "0")}`;
		})(a), t = t(i), i < a ? (Tt(e, n, 17), Tt(t, r, 17)) : (Tt(e, r, 17), Tt(t, n, 17));
	}
	var Dt = () => Date.now(), Ot = 1;
	function kt(e, t, n) {
		if (n >>>= 0, !(0 <= e && 3 >= e)) return 28;
		if (e === 0) e = Date.now();
		else {
			if (!Ot) return 52;
			e = performance.timeOrigin + performance.now();
		}
		return e = Math.round(1e6 * e), (S(), O)[n >>> 3 >>> 0] = BigInt(e), 0;
	}
	var At = [];
	function jt(e, t, n) {
		e >>>= 0, t >>>= 0, n >>>= 0, At.length = 0;
		for (var r; r = (S(), w)[t++ >>> 0];) {
			var i = r != 105;
			n += (i &= r != 112) && n % 8 ? 4 : 0, At.push(r == 112 ? (S(), E)[n >>> 2 >>> 0] : r == 106 ? (S(), O)[n >>> 3 >>> 0] : r == 105 ? (S(), T)[n >>> 2 >>> 0] : (S(), ne)[n >>> 3 >>> 0]), n += i ? 8 : 4;
		}
		return xn[e](...At);
	}
	var Mt = () => {};
	function Nt(e, t) {
		return y(qe(e >>> 0, t >>> 0));
	}
	var Pt = () => {
		throw he += 1, "unwind";
	};
	function Ft() {
		return 4294901760;
	}
	var It = () => navigator.hardwareConcurrency, Lt = {}, Rt = (e) => {
		for (var t = 0, n = 0; n < e.length; ++n) {
			var r = e.charCodeAt(n);
			127 >= r ? t++ : 2047 >= r ? t += 2 : 55296 <= r && 57343 >= r ? (t += 4, ++n) : t += 3;
		}
		return t;
	}, zt = (e) => {
		var t;
		return (t = /\bwasm-function\[\d+\]:(0x[0-9a-f]+)/.exec(e)) ? +t[1] : (t = /:(\d+):\d+(?:\)|$)/.exec(e)) ? 2147483648 | t[1] : 0;
	}, Bt = (e) => {
		for (var t of e) (e = zt(t)) && (Lt[e] = t);
	};
	function Vt() {
		var e = Error().stack.toString().split("\n");
		return e[0] == "Error" && e.shift(), Bt(e), Lt.Xb = zt(e[3]), Lt.bc = e, Lt.Xb;
	}
	function Ht(e) {
		if (!(e = Lt[e >>> 0])) return 0;
		var t;
		if (t = /^\s+at .*\.wasm\.(.*) \(.*\)$/.exec(e)) e = t[1];
		else if (t = /^\s+at (.*) \(.*\)$/.exec(e)) e = t[1];
		else {
			if (!(t = /^(.+?)@/.exec(e))) return 0;
			e = t[1];
		}
		nn(Ht.Yb ?? 0), t = Rt(e) + 1;
		var n = rn(t);
		return n && Tt(e, n, t), Ht.Yb = n, Ht.Yb;
	}
	function Ut(e) {
		e >>>= 0;
		var t = (S(), w).length;
		if (e <= t || 4294901760 < e) return !1;
		for (var n = 1; 4 >= n; n *= 2) {
			var r = t * (1 + .2 / n);
			r = Math.min(r, e + 100663296);
			e: {
				r = (Math.min(4294901760, 65536 * Math.ceil(Math.max(e, r) / 65536)) - N.buffer.byteLength + 65535) / 65536 | 0;
				try {
					N.grow(r), ae();
					var i = 1;
					break e;
				} catch {}
				i = void 0;
			}
			if (i) return !0;
		}
		return !1;
	}
	function Wt(e, t, n) {
		if (e >>>= 0, t >>>= 0, Lt.Xb == e) var r = Lt.bc;
		else (r = Error().stack.toString().split("\n"))[0] == "Error" && r.shift(), Bt(r);
		for (var i = 3; r[i] && zt(r[i]) != e;) ++i;
		for (e = 0; e < n && r[e + i]; ++e) (S(), T)[t + 4 * e >>> 2 >>> 0] = zt(r[e + i]);
		return e;
	}
	var Gt, Kt = {}, qt = () => {
		if (!Gt) {
			var e, t = {
				USER: "web_user",
				LOGNAME: "web_user",
				PATH: "/",
				PWD: "/",
				HOME: "/home/web_user",
				LANG: (globalThis.navigator?.language ?? "C").replace("-", "_") + ".UTF-8",
				_: "./this.program"
			};
			for (e in Kt) Kt[e] === void 0 ? delete t[e] : t[e] = Kt[e];
			var n = [];
			for (e in t) n.push(`${e}=${t[e]}`);
			Gt = n;
		}
		return Gt;
	};
	function Jt(e, t) {
		if (i) return A(19, 1, e, t);
		e >>>= 0, t >>>= 0;
		var n, r = 0, a = 0;
		for (n of qt()) {
			var o = t + r;
			(S(), E)[e + a >>> 2 >>> 0] = o, r += Tt(n, o, 1 / 0) + 1, a += 4;
		}
		return 0;
	}
	function Yt(e, t) {
		if (i) return A(20, 1, e, t);
		e >>>= 0, t >>>= 0;
		var n = qt();
		for (var r of ((S(), E)[e >>> 2 >>> 0] = n.length, e = 0, n)) e += Rt(r) + 1;
		return (S(), E)[t >>> 2 >>> 0] = e, 0;
	}
	function Xt(e) {
		return i ? A(21, 1, e) : 52;
	}
	function B(e, t, n, r, a) {
		return i ? A(22, 1, e, t, n, r, a) : 52;
	}
	function V(e, t, n, r) {
		return i ? A(23, 1, e, t, n, r) : 52;
	}
	function Zt(e, t, n, r) {
		return i ? A(24, 1, e, t, n, r) : 70;
	}
	var Qt = [
		null,
		[],
		[]
	];
	function $t(e, t, n, r) {
		if (i) return A(25, 1, e, t, n, r);
		t >>>= 0, n >>>= 0, r >>>= 0;
		for (var a = 0, o = 0; o < n; o++) {
			var s = (S(), E)[t >>> 2 >>> 0], c = (S(), E)[t + 4 >>> 2 >>> 0];
			t += 8;
			for (var l = 0; l < c; l++) {
				var u = e, d = (S(), w)[s + l >>> 0], f = Qt[u];
				d === 0 || d === 10 ? ((u === 1 ? v : y)(Ke(f)), f.length = 0) : f.push(d);
			}
			a += c;
		}
		return (S(), E)[r >>> 2 >>> 0] = a, 0;
	}
	function en(e) {
		return e >>> 0;
	}
	i || (function() {
		for (var e = t.numThreads - 1; e--;) we();
		fe.push(async () => {
			var e = (async function() {
				if (!i) return Promise.all(ye.map(Ce));
			})();
			pe++, await e, --pe == 0 && k && (e = k, k = null, e());
		});
	})(), i || (N = new WebAssembly.Memory({
		initial: 256,
		maximum: 65536,
		shared: !0
	}), ae()), t.wasmBinary && (u = t.wasmBinary), t.stackSave = () => G(), t.stackRestore = (e) => W(e), t.stackAlloc = (e) => pn(e), t.setValue = function(e, t, n = "i8") {
		switch (n.endsWith("*") && (n = "*"), n) {
			case "i1":
			case "i8":
				(S(), C)[e >>> 0] = t;
				break;
			case "i16":
				(S(), te)[e >>> 1 >>> 0] = t;
				break;
			case "i32":
				(S(), T)[e >>> 2 >>> 0] = t;
				break;
			case "i64":
				(S(), O)[e >>> 3 >>> 0] = BigInt(t);
				break;
			case "float":
				(S(), D)[e >>> 2 >>> 0] = t;
				break;
			case "double":
				(S(), ne)[e >>> 3 >>> 0] = t;
				break;
			case "*":
				(S(), E)[e >>> 2 >>> 0] = t;
				break;
			default: se(`invalid type for setValue: ${n}`);
		}
	}, t.getValue = function(e, t = "i8") {
		switch (t.endsWith("*") && (t = "*"), t) {
			case "i1":
			case "i8": return (S(), C)[e >>> 0];
			case "i16": return (S(), te)[e >>> 1 >>> 0];
			case "i32": return (S(), T)[e >>> 2 >>> 0];
			case "i64": return (S(), O)[e >>> 3 >>> 0];
			case "float": return (S(), D)[e >>> 2 >>> 0];
			case "double": return (S(), ne)[e >>> 3 >>> 0];
			case "*": return (S(), E)[e >>> 2 >>> 0];
			default: se(`invalid type for getValue: ${t}`);
		}
	}, t.UTF8ToString = qe, t.stringToUTF8 = Tt, t.lengthBytesUTF8 = Rt;
	var tn, nn, rn, H, an, on, sn, cn, ln, un, U, dn, fn, W, pn, G, mn, hn, gn, _n, vn, yn, bn = [
		ge,
		_e,
		He,
		Je,
		Ye,
		F,
		Xe,
		Ze,
		Qe,
		$e,
		et,
		tt,
		nt,
		rt,
		it,
		at,
		xt,
		St,
		wt,
		Jt,
		Yt,
		Xt,
		B,
		V,
		Zt,
		$t
	], xn = {
		1042604: (e, n, r, i, a) => {
			if (t === void 0 || !t.Tb) return 1;
			if ((e = qe(Number(e >>> 0))).startsWith("./") && (e = e.substring(2)), !(e = t.Tb.get(e))) return 2;
			if (n = Number(n >>> 0), r = Number(r >>> 0), i = Number(i >>> 0), n + r > e.byteLength) return 3;
			try {
				let o = e.subarray(n, n + r);
				switch (a) {
					case 0:
						(S(), w).set(o, i >>> 0);
						break;
					case 1:
						t.ic ? t.ic(i, o) : t.kc(i, o);
						break;
					default: return 4;
				}
				return 0;
			} catch {
				return 4;
			}
		},
		1043428: () => typeof wasmOffsetConverter < "u"
	};
	function Sn() {
		return typeof wasmOffsetConverter < "u";
	}
	function Cn(e, t, n, r) {
		var i = G();
		try {
			return P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function wn(e, t, n) {
		var r = G();
		try {
			return P(e)(t, n);
		} catch (e) {
			if (W(r), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Tn(e) {
		var t = G();
		try {
			P(e)();
		} catch (e) {
			if (W(t), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function En(e, t) {
		var n = G();
		try {
			return P(e)(t);
		} catch (e) {
			if (W(n), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Dn(e, t, n) {
		var r = G();
		try {
			P(e)(t, n);
		} catch (e) {
			if (W(r), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function On(e, t) {
		var n = G();
		try {
			P(e)(t);
		} catch (e) {
			if (W(n), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function kn(e, t, n, r, i, a, o) {
		var s = G();
		try {
			return P(e)(t, n, r, i, a, o);
		} catch (e) {
			if (W(s), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function An(e, t, n, r, i, a) {
		var o = G();
		try {
			P(e)(t, n, r, i, a);
		} catch (e) {
			if (W(o), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function jn(e, t, n, r) {
		var i = G();
		try {
			P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Mn(e, t, n, r, i) {
		var a = G();
		try {
			P(e)(t, n, r, i);
		} catch (e) {
			if (W(a), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Nn(e, t, n, r, i, a, o) {
		var s = G();
		try {
			P(e)(t, n, r, i, a, o);
		} catch (e) {
			if (W(s), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Pn(e, t, n, r, i, a, o) {
		var s = G();
		try {
			P(e)(t, n, r, i, a, o);
		} catch (e) {
			if (W(s), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Fn(e, t, n, r, i, a, o, s) {
		var c = G();
		try {
			P(e)(t, n, r, i, a, o, s);
		} catch (e) {
			if (W(c), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function In(e, t, n, r, i) {
		var a = G();
		try {
			return P(e)(t, n, r, i);
		} catch (e) {
			if (W(a), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Ln(e, t, n) {
		var r = G();
		try {
			return P(e)(t, n);
		} catch (e) {
			if (W(r), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Rn(e, t, n, r, i, a, o, s) {
		var c = G();
		try {
			P(e)(t, n, r, i, a, o, s);
		} catch (e) {
			if (W(c), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function zn(e, t, n, r, i, a, o, s, c, l, u, d) {
		var f = G();
		try {
			P(e)(t, n, r, i, a, o, s, c, l, u, d);
		} catch (e) {
			if (W(f), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Bn(e, t, n) {
		var r = G();
		try {
			return P(e)(t, n);
		} catch (e) {
			if (W(r), e !== e + 0) throw e;
			return U(1, 0), 0n;
		}
	}
	function Vn(e, t, n, r, i, a, o, s, c) {
		var l = G();
		try {
			P(e)(t, n, r, i, a, o, s, c);
		} catch (e) {
			if (W(l), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Hn(e) {
		var t = G();
		try {
			return P(e)();
		} catch (e) {
			if (W(t), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Un(e, t) {
		var n = G();
		try {
			return P(e)(t);
		} catch (e) {
			if (W(n), e !== e + 0) throw e;
			return U(1, 0), 0n;
		}
	}
	function Wn(e, t, n, r) {
		var i = G();
		try {
			return P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Gn(e) {
		var t = G();
		try {
			return P(e)();
		} catch (e) {
			if (W(t), e !== e + 0) throw e;
			return U(1, 0), 0n;
		}
	}
	function Kn(e, t, n, r) {
		var i = G();
		try {
			return P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function qn(e, t, n, r, i) {
		var a = G();
		try {
			return P(e)(t, n, r, i);
		} catch (e) {
			if (W(a), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Jn(e, t, n, r, i, a) {
		var o = G();
		try {
			return P(e)(t, n, r, i, a);
		} catch (e) {
			if (W(o), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Yn(e, t, n, r, i, a) {
		var o = G();
		try {
			return P(e)(t, n, r, i, a);
		} catch (e) {
			if (W(o), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function K(e, t, n, r, i, a) {
		var o = G();
		try {
			return P(e)(t, n, r, i, a);
		} catch (e) {
			if (W(o), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Xn(e, t, n, r, i, a, o, s) {
		var c = G();
		try {
			return P(e)(t, n, r, i, a, o, s);
		} catch (e) {
			if (W(c), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function Zn(e, t, n, r, i) {
		var a = G();
		try {
			return P(e)(t, n, r, i);
		} catch (e) {
			if (W(a), e !== e + 0) throw e;
			return U(1, 0), 0n;
		}
	}
	function Qn(e, t, n, r) {
		var i = G();
		try {
			return P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function $n(e, t, n, r) {
		var i = G();
		try {
			return P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function er(e, t, n, r, i, a, o, s, c, l, u, d) {
		var f = G();
		try {
			return P(e)(t, n, r, i, a, o, s, c, l, u, d);
		} catch (e) {
			if (W(f), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function tr(e, t, n, r, i, a, o, s, c, l, u) {
		var d = G();
		try {
			P(e)(t, n, r, i, a, o, s, c, l, u);
		} catch (e) {
			if (W(d), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function nr(e, t, n, r, i, a, o, s, c, l, u, d, f, p, m, h) {
		var g = G();
		try {
			P(e)(t, n, r, i, a, o, s, c, l, u, d, f, p, m, h);
		} catch (e) {
			if (W(g), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function rr(e, t, n) {
		var r = G();
		try {
			return P(e)(t, n);
		} catch (e) {
			if (W(r), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function ir(e, t, n) {
		var r = G();
		try {
			return P(e)(t, n);
		} catch (e) {
			if (W(r), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function ar(e, t, n, r) {
		var i = G();
		try {
			P(e)(t, n, r);
		} catch (e) {
			if (W(i), e !== e + 0) throw e;
			U(1, 0);
		}
	}
	function q() {
		if (0 < pe) k = q;
		else if (i) p?.(t), oe();
		else {
			for (var e = fe; 0 < e.length;) e.shift()(t);
			0 < pe ? k = q : (t.calledRun = !0, b || (oe(), p?.(t)));
		}
	}
	return i || (yn = await le(), q()), t.PTR_SIZE = 4, ie ? t : new Promise((e, t) => {
		p = e, m = t;
	});
}
var We, Ge, Ke = h(() => {
	We = Ue, Ge = globalThis.self?.name?.startsWith("em-pthread"), Ge && Ue();
}), qe, Je, Ye, F, Xe, Ze, Qe, $e, et, tt, nt, rt, it, at, ot = h(() => {
	Ie(), qe = typeof location > "u" ? void 0 : location.origin, Je = import.meta.url > "file:" && import.meta.url < "file;", Ye = () => Je ? new URL(new URL("ort.wasm.bundle.min.mjs", import.meta.url).href, qe).href : import.meta.url, F = Ye(), Xe = () => {
		if (F && !F.startsWith("blob:")) return F.substring(0, F.lastIndexOf("/") + 1);
	}, Ze = (e, t) => {
		try {
			let n = t ?? F;
			return (n ? new URL(e, n) : new URL(e)).origin === qe;
		} catch {
			return !1;
		}
	}, Qe = (e, t) => {
		let n = t ?? F;
		try {
			return (n ? new URL(e, n) : new URL(e)).href;
		} catch {
			return;
		}
	}, $e = (e, t) => `${t ?? "./"}${e}`, et = async (e) => {
		let t = await (await fetch(e, { credentials: "same-origin" })).blob();
		return URL.createObjectURL(t);
	}, tt = async (e) => (await import(
		/*webpackIgnore:true*/
		/*@vite-ignore*/
		e
)).default, nt = (Ve(), v(Le)).default, rt = async () => {
		if (!F) throw Error("Failed to load proxy worker: cannot determine the script source URL.");
		if (Ze(F)) return [void 0, nt()];
		let e = await et(F);
		return [e, nt(e)];
	}, it = (Ke(), v(He)).default, at = async (e, t, n, r) => {
		let i = it && !(e || t);
		if (i) {
			if (F) i = Ze(F) || r && !n;
			else if (r && !n) i = !0;
			else throw Error("cannot determine the script source URL.");
		}
		if (i) return [void 0, it];
		{
			let r = "ort-wasm-simd-threaded.mjs", i = e ?? Qe(r, t), a = n && i && !Ze(i, t), o = a ? await et(i) : i ?? $e(r, t);
			return [a ? o : void 0, await tt(o)];
		}
	};
}), st, ct, lt, ut, dt, ft, pt, mt, I, ht = h(() => {
	ot(), ct = !1, lt = !1, ut = !1, dt = () => {
		if (typeof SharedArrayBuffer > "u") return !1;
		try {
			return typeof MessageChannel < "u" && new MessageChannel().port1.postMessage(new SharedArrayBuffer(1)), WebAssembly.validate(new Uint8Array([
				0,
				97,
				115,
				109,
				1,
				0,
				0,
				0,
				1,
				4,
				1,
				96,
				0,
				0,
				3,
				2,
				1,
				0,
				5,
				4,
				1,
				3,
				1,
				1,
				10,
				11,
				1,
				9,
				0,
				65,
				0,
				254,
				16,
				2,
				0,
				26,
				11
			]));
		} catch {
			return !1;
		}
	}, ft = () => {
		try {
			return WebAssembly.validate(new Uint8Array([
				0,
				97,
				115,
				109,
				1,
				0,
				0,
				0,
				1,
				4,
				1,
				96,
				0,
				0,
				3,
				2,
				1,
				0,
				10,
				30,
				1,
				28,
				0,
				65,
				0,
				253,
				15,
				253,
				12,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				253,
				186,
				1,
				26,
				11
			]));
		} catch {
			return !1;
		}
	}, pt = () => {
		try {
			return WebAssembly.validate(new Uint8Array([
				0,
				97,
				115,
				109,
				1,
				0,
				0,
				0,
				1,
				5,
				1,
				96,
				0,
				1,
				123,
				3,
				2,
				1,
				0,
				10,
				19,
				1,
				17,
				0,
				65,
				1,
				253,
				15,
				65,
				2,
				253,
				15,
				65,
				3,
				253,
				15,
				253,
				147,
				2,
				11
			]));
		} catch {
			return !1;
		}
	}, mt = async (e) => {
		if (ct) return Promise.resolve();
		if (lt) throw Error("multiple calls to 'initializeWebAssembly()' detected.");
		if (ut) throw Error("previous call to 'initializeWebAssembly()' failed.");
		lt = !0;
		let t = e.initTimeout, n = e.numThreads;
		if (e.simd !== !1) {
			if (e.simd === "relaxed") {
				if (!pt()) throw Error("Relaxed WebAssembly SIMD is not supported in the current environment.");
			} else if (!ft()) throw Error("WebAssembly SIMD is not supported in the current environment.");
		}
		let r = dt();
		n > 1 && !r && (typeof self < "u" && !self.crossOriginIsolated && console.warn("env.wasm.numThreads is set to " + n + ", but this will not work unless you enable crossOriginIsolated mode. See https://web.dev/cross-origin-isolation-guide/ for more info."), console.warn("WebAssembly multi-threading is not supported in the current environment. Falling back to single-threading."), e.numThreads = n = 1);
		let i = e.wasmPaths, a = typeof i == "string" ? i : void 0, o = i?.mjs, s = o?.href ?? o, c = i?.wasm, l = c?.href ?? c, u = e.wasmBinary, [d, f] = await at(s, a, n > 1, !!u || !!l), p = !1, m = [];
		if (t > 0 && m.push(new Promise((e) => {
			setTimeout(() => {
				p = !0, e();
			}, t);
		})), m.push(new Promise((e, t) => {
			let r = { numThreads: n };
			if (u) r.wasmBinary = u, r.locateFile = (e) => e;
			else if (l || a) r.locateFile = (e) => l ?? a + e;
			else if (s && s.indexOf("blob:") !== 0) r.locateFile = (e) => new URL(e, s).href;
			else if (d) {
				let e = Xe();
				e && (r.locateFile = (t) => e + t);
			}
			f(r).then((t) => {
				lt = !1, ct = !0, st = t, e(), d && URL.revokeObjectURL(d);
			}, (e) => {
				lt = !1, ut = !0, t(e);
			});
		})), await Promise.race(m), p) throw Error(`WebAssembly backend initializing failed due to timeout: ${t}ms`);
	}, I = () => {
		if (ct && st) return st;
		throw Error("WebAssembly is not initialized yet.");
	};
}), L, gt, R, _t = h(() => {
	ht(), L = (e, t) => {
		let n = I(), r = n.lengthBytesUTF8(e) + 1, i = n._malloc(r);
		return n.stringToUTF8(e, i, r), t.push(i), i;
	}, gt = (e, t, n, r) => {
		if (typeof e == "object" && e) {
			if (n.has(e)) throw Error("Circular reference in options");
			n.add(e);
		}
		Object.entries(e).forEach(([e, i]) => {
			let a = t ? t + e : e;
			if (typeof i == "object") gt(i, a + ".", n, r);
			else if (typeof i == "string" || typeof i == "number") r(a, i.toString());
			else if (typeof i == "boolean") r(a, i ? "1" : "0");
			else throw Error(`Can't handle extra config type: ${typeof i}`);
		});
	}, R = (e) => {
		let t = I(), n = t.stackSave();
		try {
			let n = t.PTR_SIZE, r = t.stackAlloc(2 * n);
			t._OrtGetLastError(r, r + n);
			let i = Number(t.getValue(r, n === 4 ? "i32" : "i64")), a = t.getValue(r + n, "*"), o = a ? t.UTF8ToString(a) : "";
			throw Error(`${e} ERROR_CODE: ${i}, ERROR_MESSAGE: ${o}`);
		} finally {
			t.stackRestore(n);
		}
	};
}), vt, yt = h(() => {
	ht(), _t(), vt = (e) => {
		let t = I(), n = 0, r = [], i = e || {};
		try {
			if (e?.logSeverityLevel === void 0) i.logSeverityLevel = 2;
			else if (typeof e.logSeverityLevel != "number" || !Number.isInteger(e.logSeverityLevel) || e.logSeverityLevel < 0 || e.logSeverityLevel > 4) throw Error(`log severity level is not valid: ${e.logSeverityLevel}`);
			if (e?.logVerbosityLevel === void 0) i.logVerbosityLevel = 0;
			else if (typeof e.logVerbosityLevel != "number" || !Number.isInteger(e.logVerbosityLevel)) throw Error(`log verbosity level is not valid: ${e.logVerbosityLevel}`);
			e?.terminate === void 0 && (i.terminate = !1);
			let a = 0;
			return e?.tag !== void 0 && (a = L(e.tag, r)), n = t._OrtCreateRunOptions(i.logSeverityLevel, i.logVerbosityLevel, !!i.terminate, a), n === 0 && R("Can't create run options."), e?.extra !== void 0 && gt(e.extra, "", /* @__PURE__ */ new WeakSet(), (e, i) => {
				let a = L(e, r), o = L(i, r);
				t._OrtAddRunConfigEntry(n, a, o) !== 0 && R(`Can't set a run config entry: ${e} - ${i}.`);
			}), [n, r];
		} catch (e) {
			throw n !== 0 && t._OrtReleaseRunOptions(n), r.forEach((e) => t._free(e)), e;
		}
	};
}), bt, xt, St, z, Ct, wt, Tt = h(() => {
	ht(), _t(), bt = (e) => {
		switch (e) {
			case "disabled": return 0;
			case "basic": return 1;
			case "extended": return 2;
			case "layout": return 3;
			case "all": return 99;
			default: throw Error(`unsupported graph optimization level: ${e}`);
		}
	}, xt = (e) => {
		switch (e) {
			case "sequential": return 0;
			case "parallel": return 1;
			default: throw Error(`unsupported execution mode: ${e}`);
		}
	}, St = (e) => {
		e.extra ||= {}, e.extra.session || (e.extra.session = {});
		let t = e.extra.session;
		t.use_ort_model_bytes_directly ||= "1", e.executionProviders && e.executionProviders.some((e) => (typeof e == "string" ? e : e.name) === "webgpu") && (e.enableMemPattern = !1);
	}, z = (e, t, n, r) => {
		let i = L(t, r), a = L(n, r);
		I()._OrtAddSessionConfigEntry(e, i, a) !== 0 && R(`Can't set a session config entry: ${t} - ${n}.`);
	}, Ct = async (e, t, n) => {
		let r = t.executionProviders;
		for (let t of r) {
			let r = typeof t == "string" ? t : t.name, i = [];
			switch (r) {
				case "webnn":
					if (r = "WEBNN", z(e, "session.disable_quant_qdq", "1", n), z(e, "session.disable_qdq_constant_folding", "1", n), typeof t != "string") {
						let r = t?.deviceType;
						r && z(e, "deviceType", r, n);
					}
					break;
				case "webgpu":
					if (r = "JS", typeof t != "string") {
						let r = t;
						if (r?.preferredLayout) {
							if (r.preferredLayout !== "NCHW" && r.preferredLayout !== "NHWC") throw Error(`preferredLayout must be either 'NCHW' or 'NHWC': ${r.preferredLayout}`);
							z(e, "preferredLayout", r.preferredLayout, n);
						}
					}
					break;
				case "wasm":
				case "cpu": continue;
				default: throw Error(`not supported execution provider: ${r}`);
			}
			let a = L(r, n), o = i.length, s = 0, c = 0;
			if (o > 0) {
				s = I()._malloc(o * I().PTR_SIZE), n.push(s), c = I()._malloc(o * I().PTR_SIZE), n.push(c);
				for (let e = 0; e < o; e++) I().setValue(s + e * I().PTR_SIZE, i[e][0], "*"), I().setValue(c + e * I().PTR_SIZE, i[e][1], "*");
			}
			await I()._OrtAppendExecutionProvider(e, a, s, c, o) !== 0 && R(`Can't append execution provider: ${r}.`);
		}
	}, wt = async (e) => {
		let t = I(), n = 0, r = [], i = e || {};
		St(i);
		try {
			let e = bt(i.graphOptimizationLevel ?? "all"), a = xt(i.executionMode ?? "sequential"), o = typeof i.logId == "string" ? L(i.logId, r) : 0, s = i.logSeverityLevel ?? 2;
			if (!Number.isInteger(s) || s < 0 || s > 4) throw Error(`log severity level is not valid: ${s}`);
			let c = i.logVerbosityLevel ?? 0;
			if (!Number.isInteger(c) || c < 0 || c > 4) throw Error(`log verbosity level is not valid: ${c}`);
			let l = typeof i.optimizedModelFilePath == "string" ? L(i.optimizedModelFilePath, r) : 0;
			if (n = t._OrtCreateSessionOptions(e, !!i.enableCpuMemArena, !!i.enableMemPattern, a, !!i.enableProfiling, 0, o, s, c, l), n === 0 && R("Can't create session options."), i.executionProviders && await Ct(n, i, r), i.enableGraphCapture !== void 0) {
				if (typeof i.enableGraphCapture != "boolean") throw Error(`enableGraphCapture must be a boolean value: ${i.enableGraphCapture}`);
				z(n, "enableGraphCapture", i.enableGraphCapture.toString(), r);
			}
			if (i.freeDimensionOverrides) for (let [e, a] of Object.entries(i.freeDimensionOverrides)) {
				if (typeof e != "string") throw Error(`free dimension override name must be a string: ${e}`);
				if (typeof a != "number" || !Number.isInteger(a) || a < 0) throw Error(`free dimension override value must be a non-negative integer: ${a}`);
				let i = L(e, r);
				t._OrtAddFreeDimensionOverride(n, i, a) !== 0 && R(`Can't set a free dimension override: ${e} - ${a}.`);
			}
			return i.extra !== void 0 && gt(i.extra, "", /* @__PURE__ */ new WeakSet(), (e, t) => {
				z(n, e, t, r);
			}), [n, r];
		} catch (e) {
			throw n !== 0 && t._OrtReleaseSessionOptions(n) !== 0 && R("Can't release session options."), r.forEach((e) => t._free(e)), e;
		}
	};
}), Et, Dt, Ot, kt, At, jt, Mt, Nt, Pt = h(() => {
	Et = (e) => {
		switch (e) {
			case "int8": return 3;
			case "uint8": return 2;
			case "bool": return 9;
			case "int16": return 5;
			case "uint16": return 4;
			case "int32": return 6;
			case "uint32": return 12;
			case "float16": return 10;
			case "float32": return 1;
			case "float64": return 11;
			case "string": return 8;
			case "int64": return 7;
			case "uint64": return 13;
			case "int4": return 22;
			case "uint4": return 21;
			default: throw Error(`unsupported data type: ${e}`);
		}
	}, Dt = (e) => {
		switch (e) {
			case 3: return "int8";
			case 2: return "uint8";
			case 9: return "bool";
			case 5: return "int16";
			case 4: return "uint16";
			case 6: return "int32";
			case 12: return "uint32";
			case 10: return "float16";
			case 1: return "float32";
			case 11: return "float64";
			case 8: return "string";
			case 7: return "int64";
			case 13: return "uint64";
			case 22: return "int4";
			case 21: return "uint4";
			default: throw Error(`unsupported data type: ${e}`);
		}
	}, Ot = (e, t) => {
		let n = [
			-1,
			4,
			1,
			1,
			2,
			2,
			4,
			8,
			-1,
			1,
			2,
			8,
			4,
			8,
			-1,
			-1,
			-1,
			-1,
			-1,
			-1,
			-1,
			.5,
			.5
		][e], r = typeof t == "number" ? t : t.reduce((e, t) => e * t, 1);
		return n > 0 ? Math.ceil(r * n) : void 0;
	}, kt = (e) => {
		switch (e) {
			case "float16": return typeof Float16Array < "u" ? Float16Array : Uint16Array;
			case "float32": return Float32Array;
			case "uint8": return Uint8Array;
			case "int8": return Int8Array;
			case "uint16": return Uint16Array;
			case "int16": return Int16Array;
			case "int32": return Int32Array;
			case "bool": return Uint8Array;
			case "float64": return Float64Array;
			case "uint32": return Uint32Array;
			case "int64": return BigInt64Array;
			case "uint64": return BigUint64Array;
			default: throw Error(`unsupported type: ${e}`);
		}
	}, At = (e) => {
		switch (e) {
			case "verbose": return 0;
			case "info": return 1;
			case "warning": return 2;
			case "error": return 3;
			case "fatal": return 4;
			default: throw Error(`unsupported logging level: ${e}`);
		}
	}, jt = (e) => e === "float32" || e === "float16" || e === "int32" || e === "int64" || e === "uint32" || e === "uint8" || e === "bool" || e === "uint4" || e === "int4", Mt = (e) => e === "float32" || e === "float16" || e === "int32" || e === "int64" || e === "uint32" || e === "uint64" || e === "int8" || e === "uint8" || e === "bool" || e === "uint4" || e === "int4", Nt = (e) => {
		switch (e) {
			case "none": return 0;
			case "cpu": return 1;
			case "cpu-pinned": return 2;
			case "texture": return 3;
			case "gpu-buffer": return 4;
			case "ml-tensor": return 5;
			default: throw Error(`unsupported data location: ${e}`);
		}
	};
}), Ft, It = h(() => {
	Ie(), Ft = async (e) => {
		if (typeof e == "string") {
			let t = await fetch(e);
			if (!t.ok) throw Error(`failed to load external data file: ${e}`);
			let n = t.headers.get("Content-Length"), r = n ? parseInt(n, 10) : 0;
			if (r < 1073741824) return new Uint8Array(await t.arrayBuffer());
			{
				if (!t.body) throw Error(`failed to load external data file: ${e}, no response body.`);
				let n = t.body.getReader(), i;
				try {
					i = new ArrayBuffer(r);
				} catch (e) {
					if (e instanceof RangeError) {
						let e = Math.ceil(r / 65536);
						i = new WebAssembly.Memory({
							initial: e,
							maximum: e
						}).buffer;
					} else throw e;
				}
				let a = 0;
				for (;;) {
					let { done: e, value: t } = await n.read();
					if (e) break;
					let r = t.byteLength;
					new Uint8Array(i, a, r).set(t), a += r;
				}
				return new Uint8Array(i, 0, r);
			}
		}
		return e instanceof Blob ? new Uint8Array(await e.arrayBuffer()) : e instanceof Uint8Array ? e : new Uint8Array(e);
	};
}), Lt, Rt, zt, Bt, Vt, Ht, Ut, Wt, Gt, Kt, qt, Jt, Yt, Xt = h(() => {
	Fe(), yt(), Tt(), Pt(), ht(), _t(), It(), Lt = (e, t) => {
		I()._OrtInit(e, t) !== 0 && R("Can't initialize onnxruntime.");
	}, Rt = async (e) => {
		Lt(e.wasm.numThreads, At(e.logLevel));
	}, zt = async (e, t) => {
		I().asyncInit?.();
		let n = e.webgpu.adapter;
		if (t === "webgpu") {
			if (typeof navigator > "u" || !navigator.gpu) throw Error("WebGPU is not supported in current environment");
			if (n) {
				if (typeof n.limits != "object" || typeof n.features != "object" || typeof n.requestDevice != "function") throw Error("Invalid GPU adapter set in `env.webgpu.adapter`. It must be a GPUAdapter object.");
			} else {
				let t = e.webgpu.powerPreference;
				if (t !== void 0 && t !== "low-power" && t !== "high-performance") throw Error(`Invalid powerPreference setting: "${t}"`);
				let r = e.webgpu.forceFallbackAdapter;
				if (r !== void 0 && typeof r != "boolean") throw Error(`Invalid forceFallbackAdapter setting: "${r}"`);
				if (n = await navigator.gpu.requestAdapter({
					powerPreference: t,
					forceFallbackAdapter: r
				}), !n) throw Error("Failed to get GPU adapter. You may need to enable flag \"--enable-unsafe-webgpu\" if you are using Chrome.");
			}
		}
		if (t === "webnn" && (typeof navigator > "u" || !navigator.ml)) throw Error("WebNN is not supported in current environment");
	}, Bt = /* @__PURE__ */ new Map(), Vt = (e) => {
		let t = I(), n = t.stackSave();
		try {
			let n = t.PTR_SIZE, r = t.stackAlloc(2 * n);
			t._OrtGetInputOutputCount(e, r, r + n) !== 0 && R("Can't get session input/output count.");
			let i = n === 4 ? "i32" : "i64";
			return [Number(t.getValue(r, i)), Number(t.getValue(r + n, i))];
		} finally {
			t.stackRestore(n);
		}
	}, Ht = (e, t) => {
		let n = I(), r = n.stackSave(), i = 0;
		try {
			let r = n.PTR_SIZE, a = n.stackAlloc(2 * r);
			n._OrtGetInputOutputMetadata(e, t, a, a + r) !== 0 && R("Can't get session input/output metadata.");
			let o = Number(n.getValue(a, "*"));
			i = Number(n.getValue(a + r, "*"));
			let s = n.HEAP32[i / 4];
			if (s === 0) return [o, 0];
			let c = n.HEAPU32[i / 4 + 1], l = [];
			for (let e = 0; e < c; e++) {
				let t = Number(n.getValue(i + 8 + e * r, "*"));
				l.push(t === 0 ? Number(n.getValue(i + 8 + (e + c) * r, "*")) : n.UTF8ToString(t));
			}
			return [
				o,
				s,
				l
			];
		} finally {
			n.stackRestore(r), i !== 0 && n._OrtFree(i);
		}
	}, Ut = (e) => {
		let t = I(), n = t._malloc(e.byteLength);
		if (n === 0) throw Error(`Can't create a session. failed to allocate a buffer of size ${e.byteLength}.`);
		return t.HEAPU8.set(e, n), [n, e.byteLength];
	}, Wt = async (e, t) => {
		let n, r, i = I();
		Array.isArray(e) ? [n, r] = e : e.buffer === i.HEAPU8.buffer ? [n, r] = [e.byteOffset, e.byteLength] : [n, r] = Ut(e);
		let a = 0, o = 0, s = [], c = [], l = [];
		try {
			if ([o, s] = await wt(t), t?.externalData && i.mountExternalData) {
				let e = [];
				for (let n of t.externalData) {
					let t = typeof n == "string" ? n : n.path, r = typeof n == "string" ? n : n.data;
					e.push(Ft(r).then((e) => {
						i.mountExternalData(t, e);
					}));
				}
				await Promise.all(e);
			}
			for (let e of t?.executionProviders ?? []) if ((typeof e == "string" ? e : e.name) === "webnn") {
				if (i.shouldTransferToMLTensor = !1, typeof e != "string") {
					let t = e, n = t?.context, r = t?.gpuDevice, a = t?.deviceType, o = t?.powerPreference;
					i.currentContext = n || (r ? await i.webnnCreateMLContext(r) : await i.webnnCreateMLContext({
						deviceType: a,
						powerPreference: o
					}));
				} else i.currentContext = await i.webnnCreateMLContext();
				break;
			}
			a = await i._OrtCreateSession(n, r, o), i.webgpuOnCreateSession?.(a), a === 0 && R("Can't create a session."), i.jsepOnCreateSession?.(), i.currentContext && (i.webnnRegisterMLContext(a, i.currentContext), i.currentContext = void 0, i.shouldTransferToMLTensor = !0);
			let [e, u] = Vt(a), d = !!t?.enableGraphCapture, f = [], p = [], m = [], h = [];
			for (let t = 0; t < e; t++) {
				let [e, n, r] = Ht(a, t);
				e === 0 && R("Can't get an input name."), c.push(e);
				let o = i.UTF8ToString(e);
				f.push(o), m.push(n === 0 ? {
					name: o,
					isTensor: !1
				} : {
					name: o,
					isTensor: !0,
					type: Dt(n),
					shape: r
				});
			}
			for (let t = 0; t < u; t++) {
				let [n, r, o] = Ht(a, t + e);
				n === 0 && R("Can't get an output name."), l.push(n);
				let s = i.UTF8ToString(n);
				p.push(s), h.push(r === 0 ? {
					name: s,
					isTensor: !1
				} : {
					name: s,
					isTensor: !0,
					type: Dt(r),
					shape: o
				});
			}
			return Bt.set(a, [
				a,
				c,
				l,
				null,
				d,
				!1
			]), [
				a,
				f,
				p,
				m,
				h
			];
		} catch (e) {
			throw c.forEach((e) => i._OrtFree(e)), l.forEach((e) => i._OrtFree(e)), a !== 0 && i._OrtReleaseSession(a) !== 0 && R("Can't release session."), e;
		} finally {
			i._free(n), o !== 0 && i._OrtReleaseSessionOptions(o) !== 0 && R("Can't release session options."), s.forEach((e) => i._free(e)), i.unmountExternalData?.();
		}
	}, Gt = (e) => {
		let t = I(), n = Bt.get(e);
		if (!n) throw Error(`cannot release session. invalid session id: ${e}`);
		let [r, i, a, o, s] = n;
		o && (s && t._OrtClearBoundOutputs(o.handle) !== 0 && R("Can't clear bound outputs."), t._OrtReleaseBinding(o.handle) !== 0 && R("Can't release IO binding.")), t.jsepOnReleaseSession?.(e), t.webnnOnReleaseSession?.(e), t.webgpuOnReleaseSession?.(e), i.forEach((e) => t._OrtFree(e)), a.forEach((e) => t._OrtFree(e)), t._OrtReleaseSession(r) !== 0 && R("Can't release session."), Bt.delete(e);
	}, Kt = async (e, t, n, r, i, a, o = !1) => {
		if (!e) {
			t.push(0);
			return;
		}
		let s = I(), c = s.PTR_SIZE, l = e[0], u = e[1], d = e[3], f = d, p, m;
		if (l === "string" && (d === "gpu-buffer" || d === "ml-tensor")) throw Error("String tensor is not supported on GPU.");
		if (o && d !== "gpu-buffer") throw Error(`External buffer must be provided for input/output index ${a} when enableGraphCapture is true.`);
		if (d === "gpu-buffer") {
			let t = e[2].gpuBuffer;
			m = Ot(Et(l), u);
			{
				let e = s.jsepRegisterBuffer;
				if (!e) throw Error("Tensor location \"gpu-buffer\" is not supported without using WebGPU.");
				p = e(r, a, t, m);
			}
		} else if (d === "ml-tensor") {
			let t = e[2].mlTensor;
			m = Ot(Et(l), u);
			let n = s.webnnRegisterMLTensor;
			if (!n) throw Error("Tensor location \"ml-tensor\" is not supported without using WebNN.");
			p = n(r, t, Et(l), u);
		} else {
			let t = e[2];
			if (Array.isArray(t)) {
				m = c * t.length, p = s._malloc(m), n.push(p);
				for (let e = 0; e < t.length; e++) {
					if (typeof t[e] != "string") throw TypeError(`tensor data at index ${e} is not a string`);
					s.setValue(p + e * c, L(t[e], n), "*");
				}
			} else {
				let e = s.webnnIsGraphInput, a = s.webnnIsGraphOutput;
				if (l !== "string" && e && a) {
					let o = s.UTF8ToString(i);
					if (e(r, o) || a(r, o)) {
						let e = Et(l);
						m = Ot(e, u), f = "ml-tensor";
						let n = s.webnnCreateTemporaryTensor, i = s.webnnUploadTensor;
						if (!n || !i) throw Error("Tensor location \"ml-tensor\" is not supported without using WebNN.");
						let a = await n(r, e, u);
						i(a, new Uint8Array(t.buffer, t.byteOffset, t.byteLength)), p = a;
					} else m = t.byteLength, p = s._malloc(m), n.push(p), s.HEAPU8.set(new Uint8Array(t.buffer, t.byteOffset, m), p);
				} else m = t.byteLength, p = s._malloc(m), n.push(p), s.HEAPU8.set(new Uint8Array(t.buffer, t.byteOffset, m), p);
			}
		}
		let h = s.stackSave(), g = s.stackAlloc(4 * u.length);
		try {
			u.forEach((e, t) => s.setValue(g + t * c, e, c === 4 ? "i32" : "i64"));
			let e = s._OrtCreateTensor(Et(l), p, m, g, u.length, Nt(f));
			e === 0 && R(`Can't create tensor for input/output. session=${r}, index=${a}.`), t.push(e);
		} finally {
			s.stackRestore(h);
		}
	}, qt = async (e, t, n, r, i, a) => {
		let o = I(), s = o.PTR_SIZE, c = Bt.get(e);
		if (!c) throw Error(`cannot run inference. invalid session id: ${e}`);
		let l = c[0], u = c[1], d = c[2], f = c[3], p = c[4];
		c[5];
		let m = t.length, h = r.length, g = 0, _ = [], v = [], y = [], b = [], x = [], S = o.stackSave(), ee = o.stackAlloc(m * s), C = o.stackAlloc(m * s), w = o.stackAlloc(h * s), te = o.stackAlloc(h * s);
		try {
			[g, _] = vt(a), Te("wasm prepareInputOutputTensor");
			for (let r = 0; r < m; r++) await Kt(n[r], v, b, e, u[t[r]], t[r], p);
			for (let t = 0; t < h; t++) await Kt(i[t], y, b, e, d[r[t]], m + r[t], p);
			P("wasm prepareInputOutputTensor");
			for (let e = 0; e < m; e++) o.setValue(ee + e * s, v[e], "*"), o.setValue(C + e * s, u[t[e]], "*");
			for (let e = 0; e < h; e++) o.setValue(w + e * s, y[e], "*"), o.setValue(te + e * s, d[r[e]], "*");
			o.jsepOnRunStart?.(l), o.webnnOnRunStart?.(l);
			let c;
			c = await o._OrtRun(l, C, ee, m, te, h, w, g), c !== 0 && R("failed to call OrtRun().");
			let S = [], T = [];
			Te("wasm ProcessOutputTensor");
			for (let t = 0; t < h; t++) {
				let n = Number(o.getValue(w + t * s, "*"));
				if (n === y[t] || x.includes(y[t])) {
					S.push(i[t]), n !== y[t] && o._OrtReleaseTensor(n) !== 0 && R("Can't release tensor.");
					continue;
				}
				let a = o.stackSave(), c = o.stackAlloc(4 * s), l = !1, u, d = 0;
				try {
					o._OrtGetTensorData(n, c, c + s, c + 2 * s, c + 3 * s) !== 0 && R(`Can't access output tensor data on index ${t}.`);
					let i = s === 4 ? "i32" : "i64", a = Number(o.getValue(c, i));
					d = o.getValue(c + s, "*");
					let p = o.getValue(c + s * 2, "*"), m = Number(o.getValue(c + s * 3, i)), h = [];
					for (let e = 0; e < m; e++) h.push(Number(o.getValue(p + e * s, i)));
					o._OrtFree(p) !== 0 && R("Can't free memory for tensor dims.");
					let g = h.reduce((e, t) => e * t, 1);
					u = Dt(a);
					let _ = f?.outputPreferredLocations[r[t]];
					if (u === "string") {
						if (_ === "gpu-buffer" || _ === "ml-tensor") throw Error("String tensor is not supported on GPU.");
						let e = [];
						for (let t = 0; t < g; t++) {
							let n = o.getValue(d + t * s, "*"), r = o.getValue(d + (t + 1) * s, "*"), i = t === g - 1 ? void 0 : r - n;
							e.push(o.UTF8ToString(n, i));
						}
						S.push([
							u,
							h,
							e,
							"cpu"
						]);
					} else if (_ === "gpu-buffer" && g > 0) {
						let e = o.jsepGetBuffer;
						if (!e) throw Error("preferredLocation \"gpu-buffer\" is not supported without using WebGPU.");
						let t = e(d), r = Ot(a, g);
						if (r === void 0 || !jt(u)) throw Error(`Unsupported data type: ${u}`);
						l = !0, S.push([
							u,
							h,
							{
								gpuBuffer: t,
								download: o.jsepCreateDownloader(t, r, u),
								dispose: () => {
									o._OrtReleaseTensor(n) !== 0 && R("Can't release tensor.");
								}
							},
							"gpu-buffer"
						]);
					} else if (_ === "ml-tensor" && g > 0) {
						let t = o.webnnEnsureTensor, r = o.webnnIsGraphInputOutputTypeSupported;
						if (!t || !r) throw Error("preferredLocation \"ml-tensor\" is not supported without using WebNN.");
						if (Ot(a, g) === void 0 || !Mt(u)) throw Error(`Unsupported data type: ${u}`);
						if (!r(e, u, !1)) throw Error(`preferredLocation "ml-tensor" for ${u} output is not supported by current WebNN Context.`);
						let i = await t(e, d, a, h, !1);
						l = !0, S.push([
							u,
							h,
							{
								mlTensor: i,
								download: o.webnnCreateMLTensorDownloader(d, u),
								dispose: () => {
									o.webnnReleaseTensorId(d), o._OrtReleaseTensor(n);
								}
							},
							"ml-tensor"
						]);
					} else if (_ === "ml-tensor-cpu-output" && g > 0) {
						let e = o.webnnCreateMLTensorDownloader(d, u)(), t = S.length;
						l = !0, T.push((async () => {
							let r = [t, await e];
							return o.webnnReleaseTensorId(d), o._OrtReleaseTensor(n), r;
						})()), S.push([
							u,
							h,
							[],
							"cpu"
						]);
					} else {
						let e = new (kt(u))(g);
						new Uint8Array(e.buffer, e.byteOffset, e.byteLength).set(o.HEAPU8.subarray(d, d + e.byteLength)), S.push([
							u,
							h,
							e,
							"cpu"
						]);
					}
				} finally {
					o.stackRestore(a), u === "string" && d && o._free(d), l || o._OrtReleaseTensor(n);
				}
			}
			f && !p && (o._OrtClearBoundOutputs(f.handle) !== 0 && R("Can't clear bound outputs."), Bt.set(e, [
				l,
				u,
				d,
				f,
				p,
				!1
			]));
			for (let [e, t] of await Promise.all(T)) S[e][2] = t;
			return P("wasm ProcessOutputTensor"), S;
		} finally {
			o.webnnOnRunEnd?.(l), o.stackRestore(S), v.forEach((e) => o._OrtReleaseTensor(e)), y.forEach((e) => o._OrtReleaseTensor(e)), b.forEach((e) => o._free(e)), g !== 0 && o._OrtReleaseRunOptions(g), _.forEach((e) => o._free(e));
		}
	}, Jt = (e) => {
		let t = I(), n = Bt.get(e);
		if (!n) throw Error("invalid session id");
		let r = n[0], i = t._OrtEndProfiling(r);
		i === 0 && R("Can't get an profile file name."), t._OrtFree(i);
	}, Yt = (e) => {
		let t = [];
		for (let n of e) {
			let e = n[2];
			!Array.isArray(e) && "buffer" in e && t.push(e.buffer);
		}
		return t;
	};
}), B, V, Zt, Qt, $t, en, tn, nn, rn, H, an, on, sn, cn, ln, un, U, dn, fn = h(() => {
	Fe(), Xt(), ht(), ot(), B = () => !!O.wasm.proxy && typeof document < "u", Zt = !1, Qt = !1, $t = !1, nn = /* @__PURE__ */ new Map(), rn = (e, t) => {
		let n = nn.get(e);
		n ? n.push(t) : nn.set(e, [t]);
	}, H = () => {
		if (Zt || !Qt || $t || !V) throw Error("worker not ready");
	}, an = (e) => {
		switch (e.data.type) {
			case "init-wasm":
				Zt = !1, e.data.err ? ($t = !0, tn[1](e.data.err)) : (Qt = !0, tn[0]()), en &&= (URL.revokeObjectURL(en), void 0);
				break;
			case "init-ep":
			case "copy-from":
			case "create":
			case "release":
			case "run":
			case "end-profiling": {
				let t = nn.get(e.data.type);
				e.data.err ? t.shift()[1](e.data.err) : t.shift()[0](e.data.out);
				break;
			}
		}
	}, on = async () => {
		if (!Qt) {
			if (Zt) throw Error("multiple calls to 'initWasm()' detected.");
			if ($t) throw Error("previous call to 'initWasm()' failed.");
			if (Zt = !0, B()) return new Promise((e, t) => {
				V?.terminate(), rt().then(([n, r]) => {
					try {
						V = r, V.onerror = (e) => t(e), V.onmessage = an, tn = [e, t];
						let i = {
							type: "init-wasm",
							in: O
						};
						!i.in.wasm.wasmPaths && (n || Je) && (i.in.wasm.wasmPaths = { wasm: new URL(import.meta.url).href }), V.postMessage(i), en = n;
					} catch (e) {
						t(e);
					}
				}, t);
			});
			try {
				await mt(O.wasm), await Rt(O), Qt = !0;
			} catch (e) {
				throw $t = !0, e;
			} finally {
				Zt = !1;
			}
		}
	}, sn = async (e) => {
		if (B()) return H(), new Promise((t, n) => {
			rn("init-ep", [t, n]);
			let r = {
				type: "init-ep",
				in: {
					epName: e,
					env: O
				}
			};
			V.postMessage(r);
		});
		await zt(O, e);
	}, cn = async (e) => B() ? (H(), new Promise((t, n) => {
		rn("copy-from", [t, n]);
		let r = {
			type: "copy-from",
			in: { buffer: e }
		};
		V.postMessage(r, [e.buffer]);
	})) : Ut(e), ln = async (e, t) => {
		if (B()) {
			if (t?.preferredOutputLocation) throw Error("session option \"preferredOutputLocation\" is not supported for proxy.");
			return H(), new Promise((n, r) => {
				rn("create", [n, r]);
				let i = {
					type: "create",
					in: {
						model: e,
						options: { ...t }
					}
				}, a = [];
				e instanceof Uint8Array && a.push(e.buffer), V.postMessage(i, a);
			});
		}
		return Wt(e, t);
	}, un = async (e) => {
		if (B()) return H(), new Promise((t, n) => {
			rn("release", [t, n]);
			let r = {
				type: "release",
				in: e
			};
			V.postMessage(r);
		});
		Gt(e);
	}, U = async (e, t, n, r, i, a) => {
		if (B()) {
			if (n.some((e) => e[3] !== "cpu")) throw Error("input tensor on GPU is not supported for proxy.");
			if (i.some((e) => e)) throw Error("pre-allocated output tensor is not supported for proxy.");
			return H(), new Promise((i, o) => {
				rn("run", [i, o]);
				let s = n, c = {
					type: "run",
					in: {
						sessionId: e,
						inputIndices: t,
						inputs: s,
						outputIndices: r,
						options: a
					}
				};
				V.postMessage(c, Yt(s));
			});
		}
		return qt(e, t, n, r, i, a);
	}, dn = async (e) => {
		if (B()) return H(), new Promise((t, n) => {
			rn("end-profiling", [t, n]);
			let r = {
				type: "end-profiling",
				in: e
			};
			V.postMessage(r);
		});
		Jt(e);
	};
}), W, pn, G, mn = h(() => {
	Fe(), fn(), Pt(), Ie(), It(), W = (e, t) => {
		switch (e.location) {
			case "cpu": return [
				e.type,
				e.dims,
				e.data,
				"cpu"
			];
			case "gpu-buffer": return [
				e.type,
				e.dims,
				{ gpuBuffer: e.gpuBuffer },
				"gpu-buffer"
			];
			case "ml-tensor": return [
				e.type,
				e.dims,
				{ mlTensor: e.mlTensor },
				"ml-tensor"
			];
			default: throw Error(`invalid data location: ${e.location} for ${t()}`);
		}
	}, pn = (e) => {
		switch (e[3]) {
			case "cpu": return new M(e[0], e[2], e[1]);
			case "gpu-buffer": {
				let t = e[0];
				if (!jt(t)) throw Error(`not supported data type: ${t} for deserializing GPU tensor`);
				let { gpuBuffer: n, download: r, dispose: i } = e[2];
				return M.fromGpuBuffer(n, {
					dataType: t,
					dims: e[1],
					download: r,
					dispose: i
				});
			}
			case "ml-tensor": {
				let t = e[0];
				if (!Mt(t)) throw Error(`not supported data type: ${t} for deserializing MLTensor tensor`);
				let { mlTensor: n, download: r, dispose: i } = e[2];
				return M.fromMLTensor(n, {
					dataType: t,
					dims: e[1],
					download: r,
					dispose: i
				});
			}
			default: throw Error(`invalid data location: ${e[3]}`);
		}
	}, G = class {
		async fetchModelAndCopyToWasmMemory(e) {
			return cn(await Ft(e));
		}
		async loadModel(e, t) {
			we();
			let n;
			n = typeof e == "string" ? await this.fetchModelAndCopyToWasmMemory(e) : e, [this.sessionId, this.inputNames, this.outputNames, this.inputMetadata, this.outputMetadata] = await ln(n, t), N();
		}
		async dispose() {
			return un(this.sessionId);
		}
		async run(e, t, n) {
			we();
			let r = [], i = [];
			Object.entries(e).forEach((e) => {
				let t = e[0], n = e[1], a = this.inputNames.indexOf(t);
				if (a === -1) throw Error(`invalid input '${t}'`);
				r.push(n), i.push(a);
			});
			let a = [], o = [];
			Object.entries(t).forEach((e) => {
				let t = e[0], n = e[1], r = this.outputNames.indexOf(t);
				if (r === -1) throw Error(`invalid output '${t}'`);
				a.push(n), o.push(r);
			});
			let s = r.map((e, t) => W(e, () => `input "${this.inputNames[i[t]]}"`)), c = a.map((e, t) => e ? W(e, () => `output "${this.outputNames[o[t]]}"`) : null), l = await U(this.sessionId, i, s, o, c, n), u = {};
			for (let e = 0; e < l.length; e++) u[this.outputNames[o[e]]] = a[e] ?? pn(l[e]);
			return N(), u;
		}
		startProfiling() {}
		endProfiling() {
			dn(this.sessionId);
		}
	};
}), hn = {};
g(hn, {
	OnnxruntimeWebAssemblyBackend: () => _n,
	initializeFlags: () => gn,
	wasmBackend: () => vn
});
var gn, _n, vn, yn = h(() => {
	Fe(), fn(), mn(), gn = () => {
		(typeof O.wasm.initTimeout != "number" || O.wasm.initTimeout < 0) && (O.wasm.initTimeout = 0);
		let e = O.wasm.simd;
		if (typeof e != "boolean" && e !== void 0 && e !== "fixed" && e !== "relaxed" && (console.warn(`Property "env.wasm.simd" is set to unknown value "${e}". Reset it to \`false\` and ignore SIMD feature checking.`), O.wasm.simd = !1), typeof O.wasm.proxy != "boolean" && (O.wasm.proxy = !1), typeof O.wasm.trace != "boolean" && (O.wasm.trace = !1), typeof O.wasm.numThreads != "number" || !Number.isInteger(O.wasm.numThreads) || O.wasm.numThreads <= 0) {
			if (typeof self < "u" && !self.crossOriginIsolated) O.wasm.numThreads = 1;
			else {
				let e = typeof navigator > "u" ? m("node:os").cpus().length : navigator.hardwareConcurrency;
				O.wasm.numThreads = Math.min(4, Math.ceil((e || 1) / 2));
			}
		}
	}, _n = class {
		async init(e) {
			gn(), await on(), await sn(e);
		}
		async createInferenceSessionHandler(e, t) {
			let n = new G();
			return await n.loadModel(e, t), n;
		}
	}, vn = new _n();
});
Fe(), Fe(), Fe();
var bn = "1.30.0";
{
	let e = (yn(), v(hn)).wasmBackend;
	x("cpu", e, 10), x("wasm", e, 10);
}
Object.defineProperty(O.versions, "web", {
	value: bn,
	enumerable: !0
});
// src/arrange.ts
function xn(e, { form: t, last: n, skipped: r }) {
	let i = e.type === "bool" ? Float32Array.from(e.data) : e.data, a = [...e.dims], o = (e) => e.reduce((e, t) => e * t, 1);
	if (t === "heads") return {
		data: i,
		shape: [o(a.slice(0, -2)), ...a.slice(-2)]
	};
	let s = a.slice(1);
	if (t === "vector") return {
		data: i,
		shape: [
			s[0],
			1,
			1
		]
	};
	if (t === "matrix") return {
		data: i,
		shape: [1, ...s]
	};
	if (t === "maps" && !n) return {
		data: i,
		shape: s
	};
	let c = s[s.length - 1], l = o(s) / c - r, u = new Float32Array(c * l);
	for (let e = 0; e < c; e++) for (let t = 0; t < l; t++) u[e * l + t] = i[(t + r) * c + e];
	let d = Math.round(Math.sqrt(l));
	return {
		data: u,
		shape: t === "maps" ? [
			c,
			s[0],
			s[1]
		] : [
			c,
			d,
			d
		]
	};
}
function Sn({ data: e, shape: t }, n) {
	if (!n) return e.slice();
	let r = t.slice(1).reduce((e, t) => e * t, 1), i = new Float32Array(n.length * r);
	return n.forEach((t, n) => i.set(e.subarray(t * r, (t + 1) * r), n * r)), i;
}
function Cn({ data: e, shape: t }, n, r) {
	let [i, a] = r.size;
	if (r.form === "vector") return {
		values: e.slice(0, a),
		hidden: null
	};
	let [, o, s] = t, c = n && n.shape[1] === o && n.shape[2] === s, l = new Float32Array(r.kept.length * i * a), u = c ? new Uint8Array(l.length) : null;
	return r.kept.forEach((t, r) => {
		if (wn(e, t * o * s, o, s, i, a, l, r * i * a), !u) return;
		let c = new Float32Array(i * a);
		wn(n.data, Math.min(t, n.shape[0] - 1) * o * s, o, s, i, a, c, 0), c.forEach((e, t) => u[r * i * a + t] = +(e < .5));
	}), {
		values: l,
		hidden: u
	};
}
function wn(e, t, n, r, i, a, o, s) {
	for (let c = 0; c < i; c++) {
		let [l, u] = [Math.floor(c * n / i), Math.ceil((c + 1) * n / i)];
		for (let n = 0; n < a; n++) {
			let [i, d] = [Math.floor(n * r / a), Math.ceil((n + 1) * r / a)], f = 0;
			for (let n = l; n < u; n++) for (let a = i; a < d; a++) {
				let i = e[t + n * r + a];
				Number.isFinite(i) && (f += i);
			}
			o[s + c * a + n] = f / ((u - l) * (d - i));
		}
	}
}
var Tn = .02;
function En(e) {
	let t = e.map(Math.abs).sort();
	return t[t.length - 1 - Math.floor(Tn * t.length)] || t[t.length - 1] || 1;
}
function Dn(e) {
	let [t, n, r, i, a] = [
		Infinity,
		-Infinity,
		0,
		0,
		0
	];
	for (let o of e) Number.isFinite(o) && ([t, n] = [Math.min(t, o), Math.max(n, o)], r += o, a++, o === 0 && i++);
	return a ? [
		t,
		n,
		r / a,
		i / a
	] : [
		0,
		0,
		0,
		0
	];
}
function On(e, t) {
	let [n, r, i] = t.shape, { data: a } = e.getContext("2d", { willReadFrequently: !0 }).getImageData(0, 0, i, r), o = new Float32Array(n * r * i);
	for (let e = 0; e < n; e++) for (let s = 0; s < r * i; s++) {
		let [c, l, u] = [
			a[4 * s],
			a[4 * s + 1],
			a[4 * s + 2]
		], d = n === 1 ? 19595 * c + 38470 * l + 7471 * u + 32768 >> 16 : a[4 * s + e];
		o[e * r * i + s] = (d / 255 - t.mean[e]) / t.std[e];
	}
	return o;
}
async function kn(e) {
	let t = document.getElementById(e)?.textContent;
	if (t == null) {
		let t = await fetch(e);
		if (!t.ok) throw Error(`${e}: ${t.status}`);
		return new Uint8Array(await t.arrayBuffer());
	}
	let n = Uint8Array.from(atob(t), (e) => e.charCodeAt(0));
	return new Uint8Array(await new Response(new Blob([n]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}
var An = class e {
	session;
	model;
	run;
	constructor(e, t, n) {
		this.session = e, this.model = t, this.run = n;
	}
	static async start(t, n) {
		let [r, i] = await Promise.all([kn("model.onnx"), kn("onnxruntime.wasm")]);
		return O.logLevel = "error", O.wasm.numThreads = 1, O.wasm.wasmBinary = i.buffer, new e(await ke.create(r, {
			executionProviders: ["wasm"],
			logSeverityLevel: 3
		}), t, n);
	}
	async see(e, t, n) {
		let { model: r, run: i, session: a } = this, [, o, s] = r.shape, c = On(e, r), l = { [r.input]: new M("float32", c, [1, ...r.shape]) };
		r.mask && (l[r.mask] = new M("bool", t, [
			1,
			1,
			o,
			s
		]));
		let u = await a.run(l), d = a.outputNames.map((e) => u[e]), f = /* @__PURE__ */ new Map([[r.input, [{
			data: c,
			shape: [...r.shape]
		}, null]]]);
		for (let [e, t] of Object.entries(r.values)) {
			let n = t.visible === null ? null : xn(d[t.visible], t);
			f.set(e, [xn(d[t.output], t), n]);
		}
		for (let [e, [t, r]] of f) this.put(e, t, r, n);
		i.pictures[n].picture = e.toDataURL(), i.pictures[n].top = this.top(d);
		for (let e of d) e.dispose();
	}
	put(e, t, n, r) {
		let { maps: i, numbers: a } = this.run, o = i[e];
		if (o) {
			let e = Cn(t, n, o), i = En(e.values), a = e.values.some((e) => e < 0);
			(o.own ??= {})[r] = {
				limit: i,
				signed: a
			}, o.sheets[r] = jn(e.values, e.hidden, o.size[1], i, a), o.figures[r] = Dn(t.data);
		}
		e in a && (a[e].data[r] = Sn(t, a[e].kept));
	}
	top(e) {
		let { scores: t } = this.model;
		if (!t) return [];
		let n = Array.from(e[t.output].data), r = n.reduce((e, t) => Math.max(e, t)), i = t.done ? n : n.map((e) => Math.exp(e - r)), a = t.done ? 1 : i.reduce((e, t) => e + t, 0);
		return i.map((e, t) => [t, e / a]).sort((e, t) => t[1] - e[1]).slice(0, 10);
	}
};
function jn(e, t, n, r, i) {
	let a = document.createElement("canvas");
	[a.width, a.height] = [n, e.length / n];
	let o = a.getContext("2d"), s = o.createImageData(a.width, a.height);
	for (let n = 0; n < e.length; n++) {
		let a = Math.max(-1, Math.min(1, e[n] / r || 0));
		s.data.fill(Math.round(i ? 128 + 127 * a : 255 * a), 4 * n, 4 * n + 3), s.data[4 * n + 3] = t?.[n] ? 0 : 255;
	}
	return o.putImageData(s, 0, 0), a;
}
// src/colours.ts
var Mn = {
	light: [
		[
			16,
			58,
			120
		],
		[
			67,
			147,
			195
		],
		[
			176,
			212,
			232
		],
		[
			250,
			250,
			250
		],
		[
			249,
			190,
			150
		],
		[
			222,
			92,
			66
		],
		[
			132,
			12,
			34
		]
	],
	dark: [
		[
			214,
			234,
			248
		],
		[
			88,
			170,
			224
		],
		[
			26,
			78,
			124
		],
		[
			14,
			17,
			21
		],
		[
			122,
			44,
			28
		],
		[
			232,
			120,
			70
		],
		[
			255,
			228,
			190
		]
	]
}, Nn = 512, Pn = /* @__PURE__ */ new Map();
function Fn(e) {
	let t = Pn.get(e);
	if (t) return t;
	t = /* @__PURE__ */ new Uint8ClampedArray(1539);
	let n = Mn[e];
	for (let e = 0; e <= Nn; e++) {
		let r = e / Nn * (n.length - 1), i = Math.min(Math.floor(r), n.length - 2);
		for (let a = 0; a < 3; a++) t[3 * e + a] = n[i][a] + (n[i + 1][a] - n[i][a]) * (r - i);
	}
	return Pn.set(e, t), t;
}
var In = (e) => Math.round((Math.max(-1, Math.min(1, e || 0)) + 1) / 2 * Nn);
function Ln(e, t, n) {
	let r = 3 * In(e / t), [i, a, o] = Fn(n).subarray(r, r + 3);
	return [`rgb(${i},${a},${o})`, .299 * i + .587 * a + .114 * o > 140 ? "#10161d" : "#ffffff"];
}
function Rn(e, t, n, r, i, a = document.createElement("canvas"), o) {
	[a.width, a.height] = [n, t];
	let s = a.getContext("2d"), c = s.createImageData(n, t), l = Fn(i);
	for (let t = 0; t < e.length; t++) {
		let n = 3 * In(e[t] / r);
		c.data[4 * t] = l[n], c.data[4 * t + 1] = l[n + 1], c.data[4 * t + 2] = l[n + 2], c.data[4 * t + 3] = 255 - (o?.[t] ?? 0);
	}
	return s.putImageData(c, 0, 0), a;
}
function zn(e) {
	let t = 0;
	for (let n = 0; n < e.length; n++) Number.isFinite(e[n]) && (t = Math.max(t, Math.abs(e[n])));
	return t || 1;
}
// src/gallery.ts
var [Bn, Vn, Hn, Un] = [
	34,
	2,
	5,
	10
];
function Wn(e, t, n) {
	if (n) return {
		name: e,
		columns: 1,
		rows: 1,
		cell: [76, 76],
		width: 76,
		height: 80
	};
	if (t.form === "vector") return {
		name: e,
		columns: 1,
		rows: 1,
		cell: [Hn * (Bn + Vn), 11],
		width: Hn * (Bn + Vn),
		height: 16
	};
	if (t.kept.length === 1) return {
		name: e,
		columns: 1,
		rows: 1,
		cell: [76, 76],
		width: 76,
		height: 80
	};
	let r = Math.min(t.kept.length, Un), i = Math.min(r, Hn), a = Math.ceil(r / i);
	return {
		name: e,
		columns: i,
		rows: a,
		cell: [Bn, Bn],
		width: i * (Bn + Vn),
		height: a * (Bn + Vn) + 4
	};
}
var Gn = class {
	recording;
	inputs;
	ready;
	sheets = /* @__PURE__ */ new Map();
	scheme = "light";
	constructor(e, t, n) {
		this.recording = e, this.inputs = t, this.ready = n;
	}
	isPicture(e) {
		return this.inputs.has(e);
	}
	source(e) {
		let { run: t, at: n } = this.recording, r = this.isPicture(e), i = r ? `${n}|` : `${n}|${this.scheme}|${e}`, a = this.sheets.get(i);
		if (a !== void 0) return a;
		let o = r ? t.pictures[n].picture : t.maps[e].sheets[n], [{ signed: s }, c] = [this.recording.scale(e), this.scheme];
		if (typeof o != "string") {
			let e = Kn(o, s, c);
			return this.sheets.set(i, e), e;
		}
		this.sheets.set(i, null);
		let l = new Image();
		return l.onload = () => {
			this.sheets.set(i, r ? l : Kn(l, s, c)), this.ready();
		}, l.src = o, null;
	}
	forget(e) {
		for (let t of this.sheets.keys()) t.startsWith(`${e}|`) && this.sheets.delete(t);
	}
	draw(e, t, n, r, i, a, o) {
		let s = this.source(t);
		if (!s) return;
		if (e.imageSmoothingEnabled = !1, this.isPicture(t)) return e.drawImage(s, r, i, a, o);
		let [c, l] = this.recording.run.maps[t].size;
		e.drawImage(s, 0, n * c, l, c, r, i, a, o);
	}
	drawStrip(e, t, n, r) {
		let [i, a] = t.cell, o = this.isPicture(t.name) ? 1 : Math.min(this.recording.run.maps[t.name].kept.length, t.columns * t.rows);
		for (let s = 0; s < o; s++) this.draw(e, t.name, s, n + s % t.columns * (i + Vn), r + Math.floor(s / t.columns) * (a + Vn), i, a);
	}
	shelf(e, t, r, i) {
		let a = this.recording.run.maps[e], o = a.form === "vector", s = a.kept.length <= 12 ? 60 : 38, [c, l] = a.size, [u, d] = o ? [330, 20] : [Math.max(8, Math.round(s * l / Math.max(c, l))), Math.max(8, Math.round(s * c / Math.max(c, l)))], f = a.kept.map((t, a) => {
			let s = n("canvas", {
				width: u * 2,
				height: d * 2,
				title: o ? null : `channel ${t}`,
				class: t === r ? "chosen" : ""
			});
			return Object.assign(s.style, {
				width: `${u}px`,
				height: `${d}px`
			}), this.later(() => this.source(e) !== null, () => this.draw(s.getContext("2d"), e, a, 0, 0, 2 * u, 2 * d)), i && s.addEventListener("click", () => i(t)), s;
		});
		return n("div", {
			class: i ? "shelf picks" : "shelf",
			role: "img",
			"aria-label": t
		}, ...f);
	}
	waiting = [];
	later(e, t) {
		e() ? t() : this.waiting.push([e, t]);
	}
	wake() {
		let e = this.waiting;
		this.waiting = [];
		for (let [t, n] of e) this.later(t, n);
	}
	rest() {
		this.waiting = [];
	}
};
function Kn(e, t, n) {
	let r = document.createElement("canvas");
	[r.width, r.height] = e instanceof HTMLCanvasElement ? [e.width, e.height] : [e.naturalWidth, e.naturalHeight];
	let i = r.getContext("2d", { willReadFrequently: !0 });
	i.drawImage(e, 0, 0);
	let { data: a } = i.getImageData(0, 0, r.width, r.height), o = Float32Array.from({ length: a.length / 4 }, (e, n) => t ? (a[4 * n] - 128) / 127 : a[4 * n] / 255), s = Uint8Array.from({ length: o.length }, (e, t) => 255 - a[4 * t + 3]);
	return Rn(o, r.height, r.width, 1, n, void 0, s);
}
// src/model.ts
var qn = (e) => typeof e == "object" && "scope" in e, Jn = (e) => typeof e == "object" && "copies" in e, Yn = /* @__PURE__ */ new WeakMap();
function K(e) {
	if (typeof e == "number") return [e];
	if (Jn(e)) return e.copies.flatMap((e) => e.flatMap(K));
	let t = Yn.get(e);
	return t || Yn.set(e, t = e.items.flatMap(K)), t;
}
function Xn(e) {
	let t = /* @__PURE__ */ new Map(), n = /* @__PURE__ */ new Map(), r = 0, i = (a, o) => {
		r = Math.max(r, o.length);
		for (let r of a) typeof r == "number" ? n.set(e.nodes[r].name, o) : Jn(r) ? r.copies.forEach((e) => i(e, o)) : (t.set(r.scope, r), n.set(r.scope, o), i(r.items, [...o, r]));
	};
	i(e.tree, []);
	let a = e.nodes.map(() => []);
	return e.nodes.forEach((e, t) => e.in?.forEach(([e, n, r]) => a[n].push([
		t,
		e,
		r
	]))), {
		scopes: t,
		around: n,
		numbers: new Map(e.nodes.map((e, t) => [e.name, t])),
		readers: a,
		levels: r
	};
}
var Zn = (e) => e.slice(e.lastIndexOf(".") + 1);
function Qn(e, t = "") {
	let n = [
		[0xe8d4a51000, "T"],
		[1e9, "G"],
		[1e6, "M"],
		[1e3, "k"]
	].find(([t]) => e >= t * .9995);
	return `${n ? (e / n[0]).toPrecision(3).replace(/^(\d{4,})\.$/, "$1") : String(Math.round(e * 100) / 100)}${n || t ? " " : ""}${n ? n[1] : ""}${t}`;
}
var $n = (e) => e.toLocaleString("en-US"), er = "Inter, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, \"Noto Sans\", \"Liberation Sans\", sans-serif", tr = document.createElement("canvas").getContext("2d"), nr = /* @__PURE__ */ new Map(), rr = (e) => e.replace("var", er);
function ir(e, t) {
	let n = `${t}|${e}`, r = nr.get(n);
	return r === void 0 && (tr.font = rr(t), nr.set(n, r = tr.measureText(e).width)), r;
}
// src/view.ts
var ar = "600 12px var", q = "400 10.5px var", or = -1, sr = (e) => "title" in e;
function cr(e, t) {
	let n = new lr(e, t);
	return {
		boxes: n.boxes,
		frames: n.frames,
		edges: n.edges(),
		labels: [],
		boxOf: n.boxOf,
		width: 0,
		height: 0
	};
}
var lr = class {
	model;
	state;
	boxes = [];
	frames = [];
	boxOf;
	copies;
	folds = 0;
	constructor(e, t) {
		this.model = e, this.state = t, this.boxOf = Array(e.nodes.length), this.copies = e.nodes.map(() => /* @__PURE__ */ new Map()), e.nodes.forEach((e, t) => (e.kind === "input" || e.kind === "target") && this.node(t, null)), this.items(e.tree, null), e.nodes.forEach((e, t) => e.kind === "output" && this.node(t, null));
	}
	items(e, t) {
		for (let n of e) Jn(n) ? this.state.unfolded.has(fr(this.model, n)) ? n.copies.forEach((e) => this.items(e, t)) : this.folded(n.copies, t, fr(this.model, n)) : this.one(n, t, 1);
	}
	folded(e, t, n) {
		let [r] = e;
		if (r.length === 1) this.one(r[0], t, e.length, n, e[e.length - 1][0]);
		else {
			let i = [r[0], e[e.length - 1][r.length - 1]].map((e) => Zn(pr(this.model, e))), a = this.frame(t, i.join(" … "), e.length, n);
			r.forEach((e) => this.one(e, a, 1));
		}
		let i = this.folds++, a = r.flatMap(K);
		e.forEach((e, t) => e.flatMap(K).forEach((e, n) => {
			t && (this.boxOf[e] = this.boxOf[a[n]], this.copies[e] = new Map(this.copies[a[n]])), this.copies[e].set(i, t);
		}));
	}
	one(e, t, n, r, i) {
		if (typeof e == "number") return this.node(e, t, n, r, i);
		if (!qn(e)) return this.items([e], t);
		let a = K(e), o = a.every((e) => this.model.nodes[e].training), s = mr(e.scope, t, n > 1 && i !== void 0 ? pr(this.model, i) : "");
		if (this.state.open.has(e.scope)) {
			let i = this.frame(t, s, n, r, e, o);
			return this.items(e.items, i);
		}
		let c = this.box({
			label: s,
			frame: t,
			times: n,
			training: o,
			fold: r,
			kind: "scope",
			scope: e
		});
		c.lines = [...e.block ? [e.block] : [], `${a.length} op${a.length > 1 ? "s" : ""}`], a.forEach((e) => this.boxOf[e] = c), this.maps(c, a), this.size(c);
	}
	node(e, t, n = 1, r, i) {
		let a = this.model.nodes[e], o = mr(a.name, t, n > 1 && i !== void 0 ? pr(this.model, i) : ""), s = this.box({
			label: o,
			frame: t,
			times: n,
			training: !!a.training,
			fold: r,
			kind: a.kind,
			node: e
		}), c = a.kind === "output" ? a.in?.[0]?.[3] : a.out[0]?.[1];
		if (s.lines = a.op ? gr(hr(this.model, e, o)) : c === void 0 ? [] : [this.model.types[c].sizes], this.boxOf[e] = s, a.op && a.out.length > 1) {
			let e = Math.min(a.out.length, 8);
			s.ports = a.out.slice(0, e).map(([e]) => e);
		}
		this.maps(s, [e]), this.size(s);
	}
	maps(e, t) {
		let { run: n } = this.model, r = n && t.map((e) => this.model.nodes[e]).filter((e) => e.name in n.maps).at(-1);
		n && r && (e.strip = Wn(r.name, n.maps[r.name], r.kind === "input"));
	}
	box(e) {
		let t = {
			id: `b${this.boxes.length}`,
			x: 0,
			y: 0,
			width: 0,
			height: 0,
			lines: [],
			ports: [],
			...e
		};
		return this.boxes.push(t), t;
	}
	frame(e, t, n, r, i, a = !1) {
		let o = i?.block ?? "", s = {
			id: `f${this.frames.length}`,
			label: t,
			frame: e,
			times: n,
			fold: r,
			scope: i,
			training: a,
			block: o,
			title: 0,
			x: 0,
			y: 0,
			width: 0,
			height: 0
		};
		return s.title = 34 + ir(t, ar) + (o ? 8 + ir(o, q) : 0) + (n > 1 ? 12 + ur(n) : 0), this.frames.push(s), s;
	}
	size(e) {
		let t = ir(e.label, ar) + (e.times > 1 ? 8 + ur(e.times) : 0) + (e.kind === "scope" ? 18 : 0), n = e.ports.reduce((e, t) => e + dr(t), 0);
		e.width = Math.ceil(Math.max(48, t, n, e.strip?.width ?? 0, ...e.lines.map((e) => ir(e, q))) + 22), e.height = 27 + 14 * e.lines.length + (e.ports.length ? 17 : 0) + (e.strip?.height ?? 0);
	}
	edges() {
		let e = /* @__PURE__ */ new Map();
		return this.model.nodes.forEach((t, n) => {
			let r = this.boxOf[n];
			for (let [i, a, o, s] of t.in ?? []) {
				let c = this.boxOf[a];
				if (!c || !r || c === r || this.apart(a, n)) continue;
				let l = typeof o == "number" ? o : or, u = `${c.id}|${r.id}|${l}|${r.kind === "scope" ? "" : i}`;
				e.has(u) || e.set(u, {
					source: c,
					target: r,
					port: l,
					label: this.model.types[s].sizes,
					training: !!t.training,
					points: []
				});
			}
		}), [...e.values()];
	}
	apart(e, t) {
		for (let [n, r] of this.copies[e]) if ((this.copies[t].get(n) ?? r) !== r) return !0;
		return !1;
	}
}, ur = (e) => ir(`×${e}`, ar) + 10, dr = (e) => ir(e, q) + 14, fr = (e, t) => pr(e, t.copies[0][0]);
function pr(e, t) {
	return typeof t == "number" ? e.nodes[t].name : qn(t) ? t.scope : pr(e, t.copies[0][0]);
}
function mr(e, t, n) {
	let r = t;
	for (; r && !r.scope;) r = r.frame;
	let i = r ? `${r.scope.scope}.` : "", a = i && e.startsWith(i) ? e.slice(i.length) : e;
	return /^\d+$/.test(a) && (a = e.split(".").slice(-2).join(".")), n ? `${a} … ${Zn(n)}` : a;
}
function hr(e, t, n) {
	let r = e.nodes[t], i = Object.entries(r.args ?? {}).map(([e, t]) => t === "true" || t === "false" ? t === "true" ? e : `no ${e}` : `${e} ${/^\(.*\)$/.test(t) ? t.slice(1, -1).replaceAll(", ", "×") : t}`);
	return ((n.replace(/[\d_]+$/, "") === r.op ? "" : `${r.op} `) + i.join(", ")).trim();
}
function gr(e, t = 32) {
	let n = [];
	for (let r of e.split(" ").filter(Boolean)) {
		let e = n.at(-1);
		e !== void 0 && e.length + 1 + r.length <= t ? n[n.length - 1] = `${e} ${r}` : n.push(r.length > t ? `${r.slice(0, t - 1)}…` : r);
	}
	return n.length > 2 ? [n[0], `${n[1].slice(0, t - 2)} …`] : n;
}
// src/navigation.ts
var _r = [
	["↑ ↓ ← →", "move along the edges, or beside"],
	["Enter", "open or close a block"],
	["Escape", "select nothing"],
	["/", "search"],
	["+ −", "zoom"],
	["0", "see everything"],
	["[ ]", "close or open a level"],
	["r", "turn the flow"],
	["y", "the spec"],
	["b", "two models side by side"],
	["t", "light or dark"]
];
function vr() {
	let e = n("dialog", {
		class: "help",
		"aria-label": "Keys"
	}, n("h2", {}, "Keys"), n("dl", {}, ..._r.flatMap(([e, t]) => [n("dt", {}, n("kbd", {}, e)), n("dd", {}, t)])), n("form", { method: "dialog" }, n("button", { type: "submit" }, "Close")));
	return e.addEventListener("click", (t) => t.target === e && e.close()), e;
}
function yr({ boxes: e, edges: t }, n, r, i, a) {
	if (!n) return e[0];
	if (sr(n)) return e.find((e) => br(e, n));
	let o = r ? i : a;
	return xr(n, o ? t.flatMap((e) => o > 0 && e.source === n ? [e.target] : o < 0 && e.target === n ? [e.source] : []) : [], i, a) ?? xr(n, e, i, a);
}
function br(e, t) {
	for (let n = e.frame; n; n = n.frame) if (n === t) return !0;
	return !1;
}
function xr(e, t, n, r) {
	let [i, a] = [void 0, Infinity];
	for (let o of t) {
		let t = o.x + o.width / 2 - e.x - e.width / 2, s = o.y + o.height / 2 - e.y - e.height / 2, c = t * n + s * r, l = Math.abs(t * r) + Math.abs(s * n);
		if (o === e || c <= 1) continue;
		let u = c + 2.5 * l;
		u < a && ([i, a] = [o, u]);
	}
	return i;
}
// src/overlay.ts
var Sr = {
	label: "family",
	of: "family",
	unit: ""
}, Cr = [
	{
		label: "parameters",
		of: "cost",
		column: 0,
		unit: ""
	},
	{
		label: "MACs",
		of: "cost",
		column: 1,
		unit: ""
	},
	{
		label: "bytes",
		of: "cost",
		column: 3,
		unit: "B"
	}
], wr = (e) => [
	...e.changes ? [{
		label: "changes",
		of: "changes",
		unit: ""
	}] : [],
	Sr,
	...Cr,
	...(e.overlays ?? []).map((e) => ({
		label: e.name,
		of: "overlay",
		overlay: e,
		unit: e.unit
	}))
], [Tr, Er] = [{
	light: "#f4f1ea",
	dark: "#1f242b"
}, {
	light: "#ee8b7b",
	dark: "#b8405a"
}], Dr = {
	added: {
		light: "#b9e6c3",
		dark: "#1e5a31"
	},
	removed: {
		light: "#f5bdb6",
		dark: "#6e2626"
	},
	changed: {
		light: "#ffdc9b",
		dark: "#6b4a08"
	}
}, Or = ({ other: e, side: t }) => `${t === "new" ? "since" : "in"} ${e}`, kr = (e) => e.changes.side === "new" ? "added" : "removed";
function Ar(e, t) {
	let n = t.scope ? K(t.scope) : t.node === void 0 ? [] : [t.node], r = new Map(e.changes.list.map((e) => [e.name, e.kind])), i = n.map((t) => r.get(e.nodes[t].name));
	return i.every((t) => t === kr(e)) ? kr(e) : i.some(Boolean) ? "changed" : null;
}
var jr = (e, t) => [kr(e), "changed"].map((e) => [e, Dr[e][t]]), Mr = /* @__PURE__ */ new WeakMap();
function Nr(e) {
	let t = Mr.get(e);
	return t || Mr.set(e, t = new Map(e.values)), t;
}
function Pr(e, t, { column: n, overlay: r }) {
	let i = t.scope ? K(t.scope) : t.node === void 0 ? [] : [t.node];
	if (!r) return i.reduce((t, r) => t + (e.nodes[r].cost?.[n] ?? 0), 0);
	let a = i.map((e) => Nr(r).get(e)).filter((e) => e !== void 0);
	if (!a.length) return null;
	let o = a.reduce((e, t) => e + t, 0);
	return r.adds ? o : o / a.length;
}
function Fr(e, t, n, r) {
	let i = e.theme[r];
	if (n.of === "family") return (t) => t.kind === "op" ? i[e.ops[e.nodes[t.node].op]?.family] ?? i.other : i[`kind:${t.kind}`];
	let a = (e, t) => ({
		fill: e,
		line: t,
		text: Br(e) > .22 ? "#141b24" : "#ffffff"
	}), o = r === "light" ? "#b9b3a6" : "#46515d";
	if (n.of === "changes") return (t) => {
		let n = Ar(e, t);
		return a(n ? Dr[n][r] : Tr[r], n ? r === "light" ? "#4d5a66" : "#c3ced8" : o);
	};
	let s = new Map(t.map((t) => [t, Math.abs(Pr(e, t, n) ?? 0)])), c = Math.max(n.overlay ? 1e-300 : 1, ...s.values());
	return (e) => {
		let t = Math.sqrt(s.get(e) / c);
		return a(zr(Tr[r], Er[r], t), zr(o, Er[r], t));
	};
}
function Ir(e, t, n) {
	return Lr(t.reduce((t, r) => Math.max(t, Math.abs(Pr(e, r, n) ?? 0)), 0), n.unit);
}
var Lr = (e, t) => Math.abs(e) < 100 && !Number.isInteger(e) ? `${Number(e.toPrecision(3))}${t && " "}${t}` : Qn(e, t), Rr = (e) => [
	1,
	3,
	5
].map((t) => parseInt(e.slice(t, t + 2), 16)), zr = (e, t, n) => {
	let [r, i] = [Rr(e), Rr(t)];
	return `#${r.map((e, t) => Math.round(e + (i[t] - e) * n).toString(16).padStart(2, "0")).join("")}`;
}, Br = (e) => {
	let [t, n, r] = Rr(e).map((e) => e / 255 <= .04045 ? e / 3294.6 : ((e / 255 + .055) / 1.055) ** 2.4);
	return .2126 * t + .7152 * n + .0722 * r;
};
function Vr(e, t, r, i) {
	return r.of === "family" ? [] : r.of === "changes" ? [...jr(e, i).flatMap(([e, t]) => {
		let r = n("i", { class: "patch" });
		return r.style.background = t, [r, n("span", {}, e)];
	}), n("span", {}, Or(e.changes))] : [
		"0",
		n("i", {}),
		Ir(e, t, r),
		n("span", {}, ` ${r.label}`)
	];
}
// src/recorded.ts
var Hr = class {
	data;
	shape;
	channels;
	rows;
	columns;
	inner;
	places;
	constructor(e, t, n) {
		this.data = e, this.shape = t, this.channels = n ?? Array.from({ length: t[0] }, (e, t) => t), this.places = new Map(this.channels.map((e, t) => [e, t])), this.inner = t.slice(1).reduce((e, t) => e * t, 1), [this.rows, this.columns] = [t[1] ?? 1, t[2] ?? 1];
	}
	channel(e) {
		let t = this.places.get(e);
		return t === void 0 ? /* @__PURE__ */ new Float32Array() : this.data.subarray(t * this.inner, (t + 1) * this.inner);
	}
	at(e, t, n) {
		return this.channel(e)[t * this.columns + n];
	}
}, Ur = class {
	run;
	at = 0;
	grids = /* @__PURE__ */ new Map();
	constructor(e) {
		this.run = e;
	}
	grid(e) {
		let { shape: t, kept: n, data: r } = this.run.numbers[e], i = this.at in r ? this.at : 0, a = `${i}|${e}`, o = this.grids.get(a);
		return o || this.grids.set(a, o = new Hr(Wr(r[i]), t, n)), o;
	}
	scale(e) {
		let t = this.run.maps[e];
		return t.own?.[this.at] ?? t;
	}
	forget(e) {
		for (let t of this.grids.keys()) t.startsWith(`${e}|`) && this.grids.delete(t);
	}
	label(e) {
		return this.run.classes[e] || `class ${e}`;
	}
};
function Wr(e) {
	if (typeof e != "string") return e;
	let t = Uint8Array.from(atob(e), (e) => e.charCodeAt(0));
	return new Float32Array(t.buffer);
}
function J(e, t = 4) {
	if (!Number.isFinite(e)) return e > 0 ? "∞" : e < 0 ? "−∞" : "not a number";
	let n = Math.abs(e);
	return (n !== 0 && (n < 1e-4 || n >= 1e6) ? e.toExponential(t - 2) : String(Number(e.toPrecision(t)))).replace("-", "−").replace("e−", "e−");
}
var Gr = (e) => `${e >= .0995 ? (100 * e).toFixed(1) : Number((100 * e).toPrecision(2))}\u202f%`, Kr = 60, qr = class {
	model;
	index;
	goNode;
	goScope;
	done;
	input = n("input", {
		type: "search",
		placeholder: "Search names, ops, blocks",
		"aria-label": "Search",
		role: "combobox",
		"aria-expanded": "false",
		"aria-controls": "found",
		"aria-autocomplete": "list",
		autocomplete: "off",
		spellcheck: "false"
	});
	list = n("ul", {
		id: "found",
		role: "listbox",
		"aria-label": "Found",
		hidden: !0
	});
	element = n("div", {
		class: "search",
		role: "search"
	}, a("search"), this.input, n("kbd", {}, "/"), this.list);
	found = [];
	at = 0;
	constructor(e, t, n, r, i) {
		this.model = e, this.index = t, this.goNode = n, this.goScope = r, this.done = i, this.input.addEventListener("input", () => this.look()), this.input.addEventListener("focus", () => this.look()), this.input.addEventListener("blur", () => this.close()), this.input.addEventListener("keydown", (e) => {
			let t = {
				ArrowDown: 1,
				ArrowUp: -1
			}[e.key];
			if (t && this.found.length) this.mark((this.at + t + this.found.length) % this.found.length);
			else if (e.key === "Enter") this.choose(this.at);
			else if (e.key === "Escape") this.leave();
			else return;
			e.preventDefault(), e.stopPropagation();
		});
	}
	look() {
		let e = this.input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
		this.found = e.length ? this.matches(e) : [], this.list.replaceChildren(...this.found.slice(0, Kr).map((e, t) => n("li", {
			role: "option",
			id: `found-${t}`,
			onmousedown: (e) => (e.preventDefault(), this.choose(t))
		}, n("span", {}, e.label), n("small", {}, e.kind))), ...this.found.length > Kr ? [n("li", {
			class: "more",
			role: "presentation"
		}, `and ${this.found.length - Kr} more`)] : [], ...e.length && !this.found.length ? [n("li", {
			class: "more",
			role: "presentation"
		}, "Nothing has this name or op")] : []), this.list.hidden = !e.length, this.input.setAttribute("aria-expanded", String(!this.list.hidden)), this.found.length = Math.min(this.found.length, Kr), this.found.length && this.mark(0);
	}
	matches(e) {
		let t = [], n = (n, r, i) => {
			let a = `${n} ${r}`.toLowerCase();
			if (!e.every((e) => a.includes(e))) return;
			let o = n.toLowerCase() === e[0] ? 0 : n.toLowerCase().endsWith(e[0]) ? 1 : n.toLowerCase().includes(e[0]) ? 2 : 3;
			t.push({
				label: n,
				kind: r,
				go: i,
				rank: o
			});
		};
		for (let e of this.index.scopes.values()) n(e.scope, e.block ? `block ${e.block}` : "block", () => this.goScope(e.scope));
		return this.model.nodes.forEach((e, t) => n(e.name, e.op ?? e.kind, () => this.goNode(t))), t.sort((e, t) => e.rank - t.rank);
	}
	mark(e) {
		this.at = e, [...this.list.children].forEach((t, n) => t.setAttribute("aria-selected", String(n === e))), this.list.children[e]?.scrollIntoView({ block: "nearest" }), this.input.setAttribute("aria-activedescendant", `found-${e}`);
	}
	choose(e) {
		if (!this.found[e]) return;
		let { go: t } = this.found[e];
		this.leave(), t();
	}
	leave() {
		this.close(), this.input.blur(), this.done();
	}
	close() {
		this.list.hidden = !0, this.input.setAttribute("aria-expanded", "false"), this.input.removeAttribute("aria-activedescendant");
	}
};
// src/shots.ts
function Jr(e, t) {
	let r = (t, r) => e.run.trained ? t.length ? [e.label(t[0][0]), n("small", {}, Gr(t[0][1]))] : [r] : [r, n("small", {}, "initial weights")];
	return e.run.pictures.map(({ name: i, picture: a, top: o }, s) => n("button", {
		type: "button",
		title: i,
		"aria-pressed": String(s === e.at),
		onclick: () => t(s)
	}, n("img", {
		src: a,
		alt: i
	}), n("span", {}, ...r(o, i))));
}
// src/layers.ts
var Yr = 8, Xr = 14, Zr = 6e4, Qr = (e = 7, t = 7, n = !0, r = 0) => ({
	before: e,
	after: t,
	joint: n,
	row: r,
	x: 0,
	up: [],
	down: []
});
function $r(e, t, n, r) {
	let i = Array(e).fill(0), a = i.map(() => []), o = i.map(() => []), s = (t) => t < n || t >= e - r;
	for (let e of t) a[e.source].push(e.target), o[e.target].push(e.source);
	let c = +!!n;
	for (let t = n; t < e - r; t++) {
		i[t] = Math.max(i[t], c);
		for (let e of a[t]) i[e] = Math.max(i[e], i[t] + 1);
	}
	let l = /* @__PURE__ */ new Set();
	for (let t = n; t < e - r; t++) a[t].length && o[t].every((e) => l.has(e)) && l.add(t);
	for (let e of [...l].reverse()) {
		let t = a[e].filter((e) => !s(e)).map((e) => i[e]);
		t.length && o[e].length <= 1 && (i[e] = Math.max(i[e], t.reduce((e, t) => Math.min(e, t)) - 1));
	}
	let u = c;
	for (let t = n; t < e - r; t++) u = Math.max(u, i[t] + 1);
	for (let t = e - r; t < e; t++) i[t] = u;
	return i;
}
function ei(e, t) {
	let n = ti(e, t), r = 1 + e.reduce((e, t) => Math.max(e, t.row), 0), i = Array.from({ length: r }, () => []);
	e.forEach((e, t) => !e.joint && i[e.row].push(t)), e.forEach((e, t) => e.joint && i[e.row].push(t));
	let a = ni(e, i);
	return ii(e, a), {
		rows: a,
		chains: n
	};
}
function ti(e, t) {
	let n = /* @__PURE__ */ new Map(), r = /* @__PURE__ */ new Set(), i = /* @__PURE__ */ new Map();
	for (let a of t) {
		let t = [a.source], [o, s] = [e[a.source].row, e[a.target].row];
		if (n.size + s - o < Zr) for (let r = o + 1; r < s; r++) {
			let i = `${a.source}|${a.key}|${r}`, o = n.get(i);
			o === void 0 && (n.set(i, o = e.length), e.push(Qr(void 0, void 0, !0, r))), t.push(o);
		}
		t.push(a.target), i.set(a, t);
		for (let n = 1; n < t.length; n++) {
			let [i, o] = [t[n - 1], t[n]], s = `${i}|${o}|${a.key}`;
			if (r.has(s) || e[o].row !== e[i].row + 1) continue;
			r.add(s);
			let c = i === a.source ? a.leaves : 0, l = o === a.target ? a.arrives : 0;
			e[i].down.push([
				o,
				c,
				l
			]), e[o].up.push([
				i,
				l,
				c
			]);
		}
	}
	return i;
}
function ni(e, t) {
	let n = t.map((e) => [...e]), r = ri(e, t), i = Array(e.length).fill(0), a = (e) => e?.forEach((e, t) => i[e] = t);
	for (let o = 0; o < Yr && r > 0; o++) {
		let s = o % 2 == 0;
		for (let n = 0; n < t.length; n++) {
			let r = s ? n : t.length - 1 - n, o = t[r], c = t[r + (s ? -1 : 1)];
			if (o.length < 2) continue;
			a(c);
			let l = o.length / Math.max(c?.length ?? 1, 1), u = new Map(o.map((t, n) => {
				let r = s ? e[t].up : e[t].down;
				return r.length ? [t, l * r.reduce((e, [t, , n]) => e + i[t] + n * 1e-4, 0) / r.length] : [t, n];
			}));
			o.sort((e, t) => u.get(e) - u.get(t));
		}
		let c = ri(e, t);
		c < r && ([n, r] = [t.map((e) => [...e]), c]);
	}
	return n;
}
function ri(e, t) {
	let n = 0, r = Array(e.length).fill(0);
	for (let i = 0; i + 1 < t.length; i++) {
		t[i + 1].forEach((e, t) => r[e] = t);
		let a = t[i].flatMap((t) => [...e[t].down].sort((e, t) => e[1] - t[1]).map(([e, , t]) => r[e] + .4 * Math.tanh(t / 500)));
		if (a.length < 2) continue;
		let o = new Map([...new Set(a)].sort((e, t) => e - t).map((e, t) => [e, t + 1])), s = Array(o.size + 1).fill(0);
		a.forEach((e, t) => {
			let r = 0;
			for (let t = o.get(e); t > 0; t -= t & -t) r += s[t];
			n += t - r;
			for (let t = o.get(e); t < s.length; t += t & -t) s[t]++;
		});
	}
	return n;
}
function ii(e, t) {
	for (let n of t) {
		let t = 0;
		for (let r of n) t += e[r].before, e[r].x = t, t += e[r].after;
		for (let r of n) e[r].x -= t / 2;
	}
	for (let n = 0; n < Xr; n++) {
		let r = n >= 10, i = n % 2 == 0;
		for (let n = 0; n < t.length; n++) oi(e, t[i ? n : t.length - 1 - n], r || i, r || !i);
	}
	ci(e, t), ci(e, t);
}
function ai(e, t) {
	return e.joint && t.joint ? 16 : e.joint || t.joint ? .25 : 4;
}
function oi(e, t, n, r) {
	let i = [], a = [], o = [];
	t.forEach((s, c) => {
		let l = e[s];
		i.push(c ? i[c - 1] + e[t[c - 1]].after + l.before : 0);
		let [u, d] = [0, 0];
		for (let t of [n ? l.up : [], r ? l.down : []]) for (let [n, r, i] of t) {
			let t = ai(l, e[n]);
			u += t * (e[n].x + i - r), d += t;
		}
		a.push((d ? u / d : l.x) - i[c]), o.push(d || .01);
	}), si(a, o).forEach((n, r) => e[t[r]].x = n + i[r]);
}
function si(e, t) {
	let n = [];
	return e.forEach((e, r) => {
		let [i, a, o] = [
			e,
			t[r],
			1
		];
		for (; n.length && n[n.length - 1][0] > i;) {
			let [e, t, r] = n.pop();
			[i, a, o] = [
				(e * t + i * a) / (t + a),
				t + a,
				o + r
			];
		}
		n.push([
			i,
			a,
			o
		]);
	}), n.flatMap(([e, , t]) => Array(t).fill(e));
}
function ci(e, t) {
	let n = Array(e.length).fill(-1), r = Array(e.length).fill(-1);
	for (let e of t) e.forEach((t, i) => {
		n[t] = i ? e[i - 1] : -1, r[t] = i + 1 < e.length ? e[i + 1] : -1;
	});
	for (let i of li(e, t).sort((e, t) => t.length - e.length)) {
		let [t, a, o] = [
			-Infinity,
			Infinity,
			0
		];
		for (let [s, c] of i) n[s] >= 0 && (t = Math.max(t, e[n[s]].x + e[n[s]].after + e[s].before - c)), r[s] >= 0 && (a = Math.min(a, e[r[s]].x - e[r[s]].before - e[s].after - c)), o += e[s].x - c;
		if (t > a) continue;
		let s = Math.max(t, Math.min(a, o / i.length));
		for (let [t, n] of i) e[t].x = s + n;
	}
}
function li(e, t) {
	let n = [], r = /* @__PURE__ */ new Set();
	for (let i of t) for (let t of i) {
		if (r.has(t)) continue;
		let i = [[t, 0]], a = 0;
		for (let n = t;;) {
			let t = ui(e, n, e[n].down), o = t && ui(e, t[0], e[t[0]].up);
			if (!t || !o || o[0] !== n) break;
			a += t[1] - t[2], r.add(t[0]), i.push([t[0], a]), n = t[0];
		}
		i.length > 1 && n.push(i);
	}
	return n;
}
function ui(e, t, n) {
	let r, [i, a] = [0, !1];
	for (let o of n) {
		let n = ai(e[t], e[o[0]]);
		n > i ? [r, i, a] = [
			o,
			n,
			!1
		] : n === i && (a = !0);
	}
	return a ? void 0 : r;
}
// src/level.ts
var [di, fi, pi, mi, hi] = [
	26,
	24,
	14,
	11,
	15
];
function gi(e) {
	let { members: t, stretches: n, frame: r, flat: i } = e, a = [...new Set(n.filter((e) => e.source === null).map((e) => e.value))], o = [...new Set(n.filter((e) => e.target === null).map((e) => e.value))], s = /* @__PURE__ */ new Map();
	for (let e of [
		...a.map((e) => `in|${e}`),
		...t.map((e) => e.id),
		...o.map((e) => `out|${e}`)
	]) s.set(e, s.size);
	let c = [0, 0], l = [
		...a.map(() => c),
		...t.map((t) => _i(t, e)),
		...o.map(() => c)
	], u = [
		...a.map(() => Qr(void 0, void 0, !1)),
		...t.map((t) => vi(t, e)),
		...o.map(() => Qr(void 0, void 0, !1))
	], d = (e, t, n) => s.get(e ?? `${t}|${n}`), f = n.map((t) => ({
		source: d(t.source, "in", t.value),
		target: d(t.target, "out", t.value),
		key: t.value,
		leaves: yi(t, e),
		arrives: xi(t, e)
	})), p = f.filter((e) => e.source < e.target);
	$r(u.length, p, a.length, o.length).forEach((e, t) => u[t].row = e);
	let { rows: m, chains: h } = ei(u, p), g = Si(u, l, m, e, a.length), _ = wi(u, l, p, h, new Set(t.filter((e) => !sr(e)).map((e) => s.get(e.id)))), v = {
		across: 0,
		along: 0,
		members: /* @__PURE__ */ new Map(),
		entries: /* @__PURE__ */ new Map(),
		exits: /* @__PURE__ */ new Map(),
		paths: /* @__PURE__ */ new Map()
	}, y = Ci(v, u, e, a.length);
	v.along = g[g.length - 1][1] + (r && (i || !o.length) ? pi : 0);
	let b = 0;
	n.forEach((e, t) => {
		let n = h.get(f[t]), r = n ? Ti(u, l, g, n, f[t], _.get(f[t]) ?? f[t].arrives, i) : Ei(u, l, g, f[t], v.across - y + ++b * 14);
		v.paths.set(e.key, r.map(([e, t]) => [e + y, t]));
	}), v.across += b * 14;
	for (let e of t) {
		let t = s.get(e.id), [n, r] = g[u[t].row];
		v.members.set(e.id, [u[t].x + y - l[t][0] / 2, (n + r) / 2 - l[t][1] / 2]);
	}
	for (let e of a) v.entries.set(e, u[s.get(`in|${e}`)].x + y);
	for (let e of o) v.exits.set(e, u[s.get(`out|${e}`)].x + y);
	return v;
}
function _i(e, { levels: t, flat: n }) {
	return sr(e) ? [t.get(e.id).across, t.get(e.id).along] : n ? [e.height, e.width] : [e.width, e.height];
}
function vi(e, t) {
	let n = _i(e, t)[0] / 2, r = n;
	if (!sr(e) && !t.flat) for (let n = 0; n < Math.max(e.ports.length, 1); n++) {
		let i = t.labels.get(`${e.id}:${n}`);
		i && (r = Math.max(r, bi(e, n, !1) + 6 + ir(i, q)));
	}
	return Qr(n + mi, r + mi, !1);
}
function yi(e, { levels: t, flat: n }) {
	if (e.source === null) return 0;
	let r = t.get(e.source);
	return r ? r.exits.get(e.value) - r.across / 2 : bi(e.box, e.port, n);
}
function bi(e, t, n) {
	if (t < 0 || t >= e.ports.length) return 0;
	if (n) return (t - (e.ports.length - 1) / 2) * Math.min(10, e.height / e.ports.length);
	let r = e.ports.map(dr), i = (e) => e.reduce((e, t) => e + t, 0);
	return i(r.slice(0, t)) + r[t] / 2 - i(r) / 2;
}
function xi(e, { levels: t }) {
	let n = e.target === null ? void 0 : t.get(e.target);
	return n ? n.entries.get(e.value) - n.across / 2 : 0;
}
function Si(e, t, n, r, i) {
	let a = r.frame && !r.flat ? di : 0, o = [], s = i || !r.frame ? 0 : a + pi;
	for (let c of n) {
		let n = c.reduce((e, n) => Math.max(e, s + (t[n]?.[1] ?? 0)), s);
		i && !o.length && (n += a), o.push([s, n]);
		let [l, u] = [0, 0];
		for (let t of c) {
			for (let [n] of e[t].down) l = Math.max(l, Math.abs(e[t].x - e[n].x));
			let n = r.members[t - i];
			if (r.flat && n && !sr(n)) for (let e = 0; e < Math.max(n.ports.length, 1); e++) u = Math.max(u, ir(r.labels.get(`${n.id}:${e}`) ?? "", q));
		}
		let d = i && o.length === 1 ? fi / 2 : fi;
		s = n + Math.max(d, u ? u + 16 : 0) + Math.min(40, .07 * l) + (l > 1 && !r.flat ? hi : 0);
	}
	return o.length ? o : [[0, 0]];
}
function Ci(e, t, n, r) {
	let [i, a] = [Infinity, -Infinity];
	for (let e of t) [i, a] = [Math.min(i, e.x - e.before), Math.max(a, e.x + e.after)];
	i > a && ([i, a] = [0, 0]);
	let o = n.frame ? pi - mi : 0, s = n.frame && n.flat ? di : 0;
	e.across = a - i + 2 * o + s;
	let c = o + s - i;
	if (!n.frame || n.flat) return c;
	let l = n.frame.title, u = t.slice(0, r).map((e) => e.x + c);
	u.length || u.push(e.across);
	let d = Math.max(0, l - Math.min(...u)), f = Math.max(0, l - e.across + Math.max(...u));
	return e.across += Math.min(d, f), d <= f ? c + d : c;
}
function wi(e, t, n, r, i) {
	let a = /* @__PURE__ */ new Map();
	for (let t of n) {
		if (!i.has(t.target)) continue;
		let n = r.get(t).at(-2), o = e[n].x + (n === t.source ? t.leaves : 0) - e[t.target].x;
		a.set(t.target, [...a.get(t.target) ?? [], [o, t]]);
	}
	let o = /* @__PURE__ */ new Map();
	for (let [e, n] of a) {
		n.sort((e, t) => e[0] - t[0]);
		let r = Math.max(t[e][0] / 2 - 10, 0), i = Math.min(12, 2 * r / Math.max(n.length - 1, 1)), a = si(n.map(([e], t) => Math.max(-r, Math.min(r, e)) - t * i), n.map(() => 1)), s = Math.max(0, a[a.length - 1] + (n.length - 1) * i - r);
		n.forEach(([, e], t) => o.set(e, Math.max(a[t] + t * i - s, -r + t * i)));
	}
	return o;
}
function Ti(e, t, n, r, i, a, o) {
	let [s, c] = [e[i.source], e[i.target]], l = s.x + i.leaves, [u, d] = n[s.row], f = t[i.source], p = [[l, f[0] || f[1] ? (u + d) / 2 + f[1] / 2 : u], [l, d + (o || s.row + 1 === n.length ? 0 : hi)]];
	for (let t of r.slice(1, -1)) {
		let r = n[e[t].row];
		p.push([e[t].x, r[0]], [e[t].x, r[1]]);
	}
	let [m, h] = n[c.row];
	return [
		...p,
		[c.x + a, m],
		[c.x + a, (m + h) / 2 - t[i.target][1] / 2]
	];
}
function Ei(e, t, n, r, i) {
	let [a, o] = [e[r.source], e[r.target]], s = (t) => (n[e[t].row][0] + n[e[t].row][1]) / 2, [c, l] = [a.x + r.leaves, o.x + r.arrives], [u, d] = [n[a.row][1] + 7, n[o.row][0] - 7];
	return [
		[c, s(r.source) + t[r.source][1] / 2],
		[c, u],
		[i, u],
		[i, d],
		[l, d],
		[l, s(r.target) - t[r.target][1] / 2]
	];
}
// src/layout.ts
function Di(e, t) {
	let n = new Map(e.edges.map((e) => [e, Ai(e)])), r = /* @__PURE__ */ new Map();
	for (let e of n.values()) for (let [t, n] of e) r.has(t) || r.set(t, /* @__PURE__ */ new Map()), r.get(t).set(n.key, n);
	let i = ki(e), a = Oi(e), o = /* @__PURE__ */ new Map();
	for (let n of [...e.frames].reverse().concat([null])) {
		let e = n?.id ?? null;
		o.set(e, gi({
			members: i.get(e) ?? [],
			stretches: [...r.get(e)?.values() ?? []],
			levels: o,
			labels: a,
			flat: t,
			frame: n
		}));
	}
	Mi(e, o, n, a, t);
}
function Oi(e) {
	let t = /* @__PURE__ */ new Map();
	for (let n of e.edges) t.has(n.source) || t.set(n.source, /* @__PURE__ */ new Map()), t.get(n.source).set(n.port, n.label);
	let n = /* @__PURE__ */ new Map();
	for (let [e, r] of t) {
		let t = new Set(r.values()).size === 1, i = Math.max(...r.keys());
		for (let [a, o] of r) t && a !== i || o === e.lines[0] || n.set(`${e.id}:${a}`, o);
	}
	return n;
}
function ki(e) {
	let t = /* @__PURE__ */ new Map(), n = /* @__PURE__ */ new Map();
	e.boxes.forEach((e, n) => {
		for (let r = e; r; r = r.frame) t.has(r.id) || t.set(r.id, n);
	});
	for (let t of [...e.boxes, ...e.frames]) {
		let e = t.frame?.id ?? null;
		n.has(e) || n.set(e, []), n.get(e).push(t);
	}
	for (let e of n.values()) e.sort((e, n) => t.get(e.id) - t.get(n.id));
	return n;
}
function Ai(e) {
	let t = `${e.source.id}:${e.port}`, [n, r] = [ji(e.source), ji(e.target)];
	for (; n.length > 2 && r.length > 2 && n[n.length - 2] === r[r.length - 2];) n.pop(), r.pop();
	let i = (n, r, i) => [n, {
		key: `${t}|${r}|${i}`,
		value: t,
		box: e.source,
		port: e.port,
		source: r,
		target: i
	}], a = n.slice(0, -2).map((e, t) => i(n[t + 1], e, null)), o = r.slice(0, -2).map((e, t) => i(r[t + 1], null, e)).reverse();
	return [
		...a,
		i(n[n.length - 1], n[n.length - 2], r[r.length - 2]),
		...o
	];
}
function ji(e) {
	let t = [];
	for (let n = e; n; n = n.frame) t.push(n.id);
	return [...t, null];
}
function Mi(e, t, n, r, i) {
	let a = /* @__PURE__ */ new Map([[null, [0, 0]]]), o = (e) => {
		let n = e.frame?.id ?? null, [r, i] = a.get(n), [o, s] = t.get(n).members.get(e.id);
		return [r + o, i + s];
	};
	for (let n of e.frames) {
		let e = o(n), { across: r, along: s, entries: c } = t.get(n.id);
		a.set(n.id, e), [n.x, n.y] = i ? [e[1], e[0]] : e, [n.width, n.height] = i ? [s, r] : [r, s], n.title = i || [...c.values()].every((e) => e >= n.title) ? 0 : Math.max(0, r - n.title - 4);
	}
	for (let t of e.boxes) {
		let [e, n] = o(t);
		[t.x, t.y] = i ? [n, e] : [e, n];
	}
	for (let [e, r] of n) {
		let n = [];
		for (let [e, i] of r) {
			let [r, o] = a.get(e);
			for (let [a, s] of t.get(e).paths.get(i.key)) {
				let e = n[n.length - 1];
				e && e[0] === r + a && e[1] === o + s || n.push([r + a, o + s]);
			}
		}
		e.points = i ? n.map(([e, t]) => [t, e]) : n;
	}
	let s = /* @__PURE__ */ new Set();
	for (let t of e.edges) {
		let n = `${t.source.id}:${t.port}`;
		if (s.has(n) || !r.has(n)) continue;
		s.add(n);
		let [a, o] = t.points[0];
		e.labels.push({
			x: i ? a + 6 : a + 5,
			y: i ? o - 5 : o + 13 + (t.source.times > 1 ? 6 : 0),
			text: r.get(n)
		});
	}
	let { across: c, along: l } = t.get(null);
	[e.width, e.height] = i ? [l, c] : [c, l];
}
// src/paint.ts
var Ni = {
	canvas: "#fcfdfe",
	ink: "#1b2430",
	muted: "#5b6876",
	edge: "#8b97a4",
	accent: "#1f6feb",
	glow: "rgba(31,111,235,.16)",
	shade: "rgba(60,80,100,.09)",
	frame: "#c6d0da",
	levels: [
		"#f4f6f9",
		"#eaeef3",
		"#e1e7ee",
		"#d8e0e9"
	]
}, Pi = {
	canvas: "#0e1216",
	ink: "#e9eef3",
	muted: "#9dabb8",
	edge: "#677583",
	accent: "#6cb0ff",
	glow: "rgba(108,176,255,.22)",
	shade: "rgba(170,190,210,.12)",
	frame: "#36424e",
	levels: [
		"#151a20",
		"#1b2128",
		"#212932",
		"#27313b"
	]
};
function Fi(e, t, n, r, i) {
	let [a, o, s, c] = r, l = (e) => e.x < s && e.y < c && e.x + e.width > a && e.y + e.height > o;
	for (let r of t.frames) l(r) && Ri(e, r, n, i, a, o);
	if (Hi(e, t.edges, n, r, i), i > .5) {
		e.font = rr(q), e.textAlign = "left", e.textBaseline = "alphabetic";
		for (let r of t.labels) r.x > s || r.x < a - 200 || r.y < o || r.y > c + 12 || (e.fillStyle = n.colours.muted, e.fillText(r.text, r.x, r.y));
	}
	for (let r of t.boxes) l(r) && Vi(e, r, n, i);
}
var Ii = (e) => e.frame ? 1 + Ii(e.frame) : 0;
function Li(e, t, n, r = 0) {
	e.beginPath(), e.roundRect(t.x - r, t.y - r, t.width + 2 * r, t.height + 2 * r, n + r);
}
function Ri(e, t, n, r, i, a) {
	let { colours: o } = n, s = n.chosen === t;
	if (Li(e, t, 10), e.fillStyle = o.levels[Math.min(Ii(t), o.levels.length - 1)], e.fill(), e.setLineDash(t.training ? [5, 4] : []), e.strokeStyle = s ? o.accent : n.hovered === t ? o.muted : o.frame, e.lineWidth = s ? 2 : 1, e.stroke(), e.setLineDash([]), r < .22) return;
	e.textBaseline = "middle", e.textAlign = "left";
	let c = Math.max(t.y, Math.min(a + 4, t.y + t.height - di)) + di / 2 + 1, l = Math.max(t.x + t.title, Math.min(i, t.x + t.width - 120)) + 10;
	t.scope && (zi(e, l, c, !1, o), l += 18), e.font = rr(ar), e.fillStyle = o.ink, e.fillText(t.label, l, c), l += e.measureText(t.label).width + 8, t.block && t.block !== t.label && (e.font = rr(q), e.fillStyle = o.muted, e.fillText(t.block, l, c + .5), l += e.measureText(t.block).width + 8), t.times > 1 && Bi(e, l, c, t.times, n);
}
function zi(e, t, n, r, i) {
	e.beginPath(), e.roundRect(t, n - 6, 12, 12, 3), e.strokeStyle = i.muted, e.lineWidth = 1, e.stroke(), e.beginPath(), e.moveTo(t + 3, n), e.lineTo(t + 9, n), r && (e.moveTo(t + 6, n - 3), e.lineTo(t + 6, n + 3)), e.stroke();
}
function Bi(e, t, n, r, i) {
	e.beginPath(), e.roundRect(t, n - 8, ur(r), 16, 8), e.fillStyle = i.colours.accent, e.fill(), e.font = rr(ar), e.fillStyle = i.colours.canvas, e.textAlign = "left", e.fillText(`×${r}`, t + 5, n + .5);
}
function Vi(e, t, n, r) {
	let { colours: i } = n, a = n.paint(t), o = n.chosen === t, s = t.kind === "input" || t.kind === "output" || t.kind === "target" ? 13 : 6;
	if (t.times > 1 && r > .3) for (let n of [6, 3]) e.beginPath(), e.roundRect(t.x + n, t.y + n, t.width, t.height, s), e.fillStyle = a.fill, e.strokeStyle = a.line, e.lineWidth = .8, e.fill(), e.stroke();
	if ((o || n.marked.has(t)) && (Li(e, t, s, 4), e.fillStyle = i.glow, e.fill()), Li(e, t, s), e.fillStyle = a.fill, e.fill(), e.setLineDash(t.training ? [5, 3] : []), e.strokeStyle = o || n.marked.has(t) ? i.accent : a.line, e.lineWidth = o ? 2.4 : n.hovered === t ? 2 : 1, e.stroke(), e.setLineDash([]), t.strip && n.gallery && r > .1) {
		let { strip: r } = t;
		n.gallery.drawStrip(e, r, t.x + (t.width - r.width) / 2 + 1, t.y + 29 + 14 * t.lines.length);
	}
	if (r < .28) return;
	e.textBaseline = "middle", e.fillStyle = a.text, e.font = rr(ar);
	let c = t.kind === "scope", l = t.times > 1 ? ur(t.times) + 8 : 0, u = t.x + (t.width - l) / 2 + (c ? 7 : 0), d = t.y + 15;
	e.textAlign = "center", e.fillText(t.label, u, d), c && zi(e, t.x + 8, d, !0, {
		...i,
		muted: a.line
	}), l && Bi(e, t.x + t.width - l, d, t.times, n), r < .45 || (e.font = rr(q), e.fillStyle = a.text, e.globalAlpha = .85, e.textAlign = "center", t.lines.forEach((n, r) => e.fillText(n, t.x + t.width / 2, t.y + 32 + 14 * r)), t.ports.forEach((n, r) => {
		let i = dr(n), o = t.x + t.width / 2 + bi(t, r, !1);
		e.strokeStyle = a.line, e.lineWidth = .8, e.strokeRect(o - i / 2 + 1.5, t.y + t.height - 18, i - 3, 14), e.fillText(n, o, t.y + t.height - 10.5);
	}), e.globalAlpha = 1);
}
function Hi(e, t, n, r, i) {
	let a = n.chosen ?? n.hovered, o = (e) => e.source === a || e.target === a, s = [], c = [], l = [];
	for (let e of t) Wi(e, r) && (o(e) ? l : e.training ? c : s).push(e);
	let { colours: u } = n, d = Math.max(1.2, Math.min(.5 / i, 3));
	Gi(e, s, u.edge, d, [], n.flat, i), Gi(e, c, u.edge, d, [5, 4], n.flat, i), Gi(e, l, u.accent, d * 1.6, [], n.flat, i);
}
var Ui = /* @__PURE__ */ new WeakMap();
function Wi(e, [t, n, r, i]) {
	let a = Ui.get(e);
	if (!a) {
		let [t, n] = [e.points.map(([e]) => e), e.points.map(([, e]) => e)];
		Ui.set(e, a = [
			Math.min(...t),
			Math.min(...n),
			Math.max(...t),
			Math.max(...n)
		]);
	}
	return a[0] < r && a[2] > t && a[1] < i && a[3] > n;
}
function Gi(e, t, n, r, i, a, o) {
	if (t.length) {
		e.strokeStyle = e.fillStyle = n, e.lineWidth = r, e.setLineDash(i), e.beginPath();
		for (let { points: n } of t) {
			e.moveTo(...n[0]);
			for (let t = 1; t < n.length; t++) {
				let [[r, i], [o, s]] = [n[t - 1], n[t]];
				(a ? Math.abs(s - i) < .5 : Math.abs(o - r) < .5) ? e.lineTo(o, s) : a ? e.bezierCurveTo((r + o) / 2, i, (r + o) / 2, s, o, s) : e.bezierCurveTo(r, (i + s) / 2, o, (i + s) / 2, o, s);
			}
		}
		if (e.stroke(), e.setLineDash([]), !(o < .15)) {
			e.beginPath();
			for (let { points: n } of t) {
				let [t, r] = n[n.length - 1], [i, o] = [7, 3.4];
				e.moveTo(t, r), a ? (e.lineTo(t - i, r - o), e.lineTo(t - i, r + o)) : (e.lineTo(t - o, r - i), e.lineTo(t + o, r - i)), e.closePath();
			}
			e.fill();
		}
	}
}
// node_modules/d3-selection/dist/d3-selection.mjs
var Ki = "http://www.w3.org/1999/xhtml", qi = {
	svg: "http://www.w3.org/2000/svg",
	xhtml: Ki,
	xlink: "http://www.w3.org/1999/xlink",
	xml: "http://www.w3.org/XML/1998/namespace",
	xmlns: "http://www.w3.org/2000/xmlns/"
};
function Ji(e) {
	var t = e += "", n = t.indexOf(":");
	return n >= 0 && (t = e.slice(0, n)) !== "xmlns" && (e = e.slice(n + 1)), qi.hasOwnProperty(t) ? {
		space: qi[t],
		local: e
	} : e;
}
function Yi(e) {
	return function() {
		var t = this.ownerDocument, n = this.namespaceURI;
		return n === Ki && t.documentElement.namespaceURI === Ki ? t.createElement(e) : t.createElementNS(n, e);
	};
}
function Xi(e) {
	return function() {
		return this.ownerDocument.createElementNS(e.space, e.local);
	};
}
function Zi(e) {
	var t = Ji(e);
	return (t.local ? Xi : Yi)(t);
}
function Qi() {}
function $i(e) {
	return e == null ? Qi : function() {
		return this.querySelector(e);
	};
}
function ea(e) {
	typeof e != "function" && (e = $i(e));
	for (var t = this._groups, n = t.length, r = Array(n), i = 0; i < n; ++i) for (var a = t[i], o = a.length, s = r[i] = Array(o), c, l, u = 0; u < o; ++u) (c = a[u]) && (l = e.call(c, c.__data__, u, a)) && ("__data__" in c && (l.__data__ = c.__data__), s[u] = l);
	return new Y(r, this._parents);
}
function ta(e) {
	return e == null ? [] : Array.isArray(e) ? e : Array.from(e);
}
function na() {
	return [];
}
function ra(e) {
	return e == null ? na : function() {
		return this.querySelectorAll(e);
	};
}
function ia(e) {
	return function() {
		return ta(e.apply(this, arguments));
	};
}
function aa(e) {
	e = typeof e == "function" ? ia(e) : ra(e);
	for (var t = this._groups, n = t.length, r = [], i = [], a = 0; a < n; ++a) for (var o = t[a], s = o.length, c, l = 0; l < s; ++l) (c = o[l]) && (r.push(e.call(c, c.__data__, l, o)), i.push(c));
	return new Y(r, i);
}
function oa(e) {
	return function() {
		return this.matches(e);
	};
}
function sa(e) {
	return function(t) {
		return t.matches(e);
	};
}
var ca = Array.prototype.find;
function la(e) {
	return function() {
		return ca.call(this.children, e);
	};
}
function ua() {
	return this.firstElementChild;
}
function da(e) {
	return this.select(e == null ? ua : la(typeof e == "function" ? e : sa(e)));
}
var fa = Array.prototype.filter;
function pa() {
	return Array.from(this.children);
}
function ma(e) {
	return function() {
		return fa.call(this.children, e);
	};
}
function ha(e) {
	return this.selectAll(e == null ? pa : ma(typeof e == "function" ? e : sa(e)));
}
function ga(e) {
	typeof e != "function" && (e = oa(e));
	for (var t = this._groups, n = t.length, r = Array(n), i = 0; i < n; ++i) for (var a = t[i], o = a.length, s = r[i] = [], c, l = 0; l < o; ++l) (c = a[l]) && e.call(c, c.__data__, l, a) && s.push(c);
	return new Y(r, this._parents);
}
function _a(e) {
	return Array(e.length);
}
function va() {
	return new Y(this._enter || this._groups.map(_a), this._parents);
}
function ya(e, t) {
	this.ownerDocument = e.ownerDocument, this.namespaceURI = e.namespaceURI, this._next = null, this._parent = e, this.__data__ = t;
}
ya.prototype = {
	constructor: ya,
	appendChild: function(e) {
		return this._parent.insertBefore(e, this._next);
	},
	insertBefore: function(e, t) {
		return this._parent.insertBefore(e, t);
	},
	querySelector: function(e) {
		return this._parent.querySelector(e);
	},
	querySelectorAll: function(e) {
		return this._parent.querySelectorAll(e);
	}
};
function ba(e) {
	return function() {
		return e;
	};
}
function xa(e, t, n, r, i, a) {
	for (var o = 0, s, c = t.length, l = a.length; o < l; ++o) (s = t[o]) ? (s.__data__ = a[o], r[o] = s) : n[o] = new ya(e, a[o]);
	for (; o < c; ++o) (s = t[o]) && (i[o] = s);
}
function Sa(e, t, n, r, i, a, o) {
	var s, c, l = /* @__PURE__ */ new Map(), u = t.length, d = a.length, f = Array(u), p;
	for (s = 0; s < u; ++s) (c = t[s]) && (f[s] = p = o.call(c, c.__data__, s, t) + "", l.has(p) ? i[s] = c : l.set(p, c));
	for (s = 0; s < d; ++s) p = o.call(e, a[s], s, a) + "", (c = l.get(p)) ? (r[s] = c, c.__data__ = a[s], l.delete(p)) : n[s] = new ya(e, a[s]);
	for (s = 0; s < u; ++s) (c = t[s]) && l.get(f[s]) === c && (i[s] = c);
}
function Ca(e) {
	return e.__data__;
}
function wa(e, t) {
	if (!arguments.length) return Array.from(this, Ca);
	var n = t ? Sa : xa, r = this._parents, i = this._groups;
	typeof e != "function" && (e = ba(e));
	for (var a = i.length, o = Array(a), s = Array(a), c = Array(a), l = 0; l < a; ++l) {
		var u = r[l], d = i[l], f = d.length, p = Ta(e.call(u, u && u.__data__, l, r)), m = p.length, h = s[l] = Array(m), g = o[l] = Array(m);
		n(u, d, h, g, c[l] = Array(f), p, t);
		for (var _ = 0, v = 0, y, b; _ < m; ++_) if (y = h[_]) {
			for (_ >= v && (v = _ + 1); !(b = g[v]) && ++v < m;);
			y._next = b || null;
		}
	}
	return o = new Y(o, r), o._enter = s, o._exit = c, o;
}
function Ta(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
function Ea() {
	return new Y(this._exit || this._groups.map(_a), this._parents);
}
function Da(e, t, n) {
	var r = this.enter(), i = this, a = this.exit();
	return typeof e == "function" ? (r = e(r), r &&= r.selection()) : r = r.append(e + ""), t != null && (i = t(i), i &&= i.selection()), n == null ? a.remove() : n(a), r && i ? r.merge(i).order() : i;
}
function Oa(e) {
	for (var t = e.selection ? e.selection() : e, n = this._groups, r = t._groups, i = n.length, a = r.length, o = Math.min(i, a), s = Array(i), c = 0; c < o; ++c) for (var l = n[c], u = r[c], d = l.length, f = s[c] = Array(d), p, m = 0; m < d; ++m) (p = l[m] || u[m]) && (f[m] = p);
	for (; c < i; ++c) s[c] = n[c];
	return new Y(s, this._parents);
}
function ka() {
	for (var e = this._groups, t = -1, n = e.length; ++t < n;) for (var r = e[t], i = r.length - 1, a = r[i], o; --i >= 0;) (o = r[i]) && (a && o.compareDocumentPosition(a) ^ 4 && a.parentNode.insertBefore(o, a), a = o);
	return this;
}
function Aa(e) {
	e ||= ja;
	function t(t, n) {
		return t && n ? e(t.__data__, n.__data__) : !t - !n;
	}
	for (var n = this._groups, r = n.length, i = Array(r), a = 0; a < r; ++a) {
		for (var o = n[a], s = o.length, c = i[a] = Array(s), l, u = 0; u < s; ++u) (l = o[u]) && (c[u] = l);
		c.sort(t);
	}
	return new Y(i, this._parents).order();
}
function ja(e, t) {
	return e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
function Ma() {
	var e = arguments[0];
	return arguments[0] = this, e.apply(null, arguments), this;
}
function Na() {
	return Array.from(this);
}
function Pa() {
	for (var e = this._groups, t = 0, n = e.length; t < n; ++t) for (var r = e[t], i = 0, a = r.length; i < a; ++i) {
		var o = r[i];
		if (o) return o;
	}
	return null;
}
function Fa() {
	let e = 0;
	for (let t of this) ++e;
	return e;
}
function Ia() {
	return !this.node();
}
function La(e) {
	for (var t = this._groups, n = 0, r = t.length; n < r; ++n) for (var i = t[n], a = 0, o = i.length, s; a < o; ++a) (s = i[a]) && e.call(s, s.__data__, a, i);
	return this;
}
function Ra(e) {
	return function() {
		this.removeAttribute(e);
	};
}
function za(e) {
	return function() {
		this.removeAttributeNS(e.space, e.local);
	};
}
function Ba(e, t) {
	return function() {
		this.setAttribute(e, t);
	};
}
function Va(e, t) {
	return function() {
		this.setAttributeNS(e.space, e.local, t);
	};
}
function Ha(e, t) {
	return function() {
		var n = t.apply(this, arguments);
		n == null ? this.removeAttribute(e) : this.setAttribute(e, n);
	};
}
function Ua(e, t) {
	return function() {
		var n = t.apply(this, arguments);
		n == null ? this.removeAttributeNS(e.space, e.local) : this.setAttributeNS(e.space, e.local, n);
	};
}
function Wa(e, t) {
	var n = Ji(e);
	if (arguments.length < 2) {
		var r = this.node();
		return n.local ? r.getAttributeNS(n.space, n.local) : r.getAttribute(n);
	}
	return this.each((t == null ? n.local ? za : Ra : typeof t == "function" ? n.local ? Ua : Ha : n.local ? Va : Ba)(n, t));
}
function Ga(e) {
	return e.ownerDocument && e.ownerDocument.defaultView || e.document && e || e.defaultView;
}
function Ka(e) {
	return function() {
		this.style.removeProperty(e);
	};
}
function qa(e, t, n) {
	return function() {
		this.style.setProperty(e, t, n);
	};
}
function Ja(e, t, n) {
	return function() {
		var r = t.apply(this, arguments);
		r == null ? this.style.removeProperty(e) : this.style.setProperty(e, r, n);
	};
}
function Ya(e, t, n) {
	return arguments.length > 1 ? this.each((t == null ? Ka : typeof t == "function" ? Ja : qa)(e, t, n ?? "")) : Xa(this.node(), e);
}
function Xa(e, t) {
	return e.style.getPropertyValue(t) || Ga(e).getComputedStyle(e, null).getPropertyValue(t);
}
function Za(e) {
	return function() {
		delete this[e];
	};
}
function Qa(e, t) {
	return function() {
		this[e] = t;
	};
}
function $a(e, t) {
	return function() {
		var n = t.apply(this, arguments);
		n == null ? delete this[e] : this[e] = n;
	};
}
function eo(e, t) {
	return arguments.length > 1 ? this.each((t == null ? Za : typeof t == "function" ? $a : Qa)(e, t)) : this.node()[e];
}
function to(e) {
	return e.trim().split(/^|\s+/);
}
function no(e) {
	return e.classList || new ro(e);
}
function ro(e) {
	this._node = e, this._names = to(e.getAttribute("class") || "");
}
ro.prototype = {
	add: function(e) {
		this._names.indexOf(e) < 0 && (this._names.push(e), this._node.setAttribute("class", this._names.join(" ")));
	},
	remove: function(e) {
		var t = this._names.indexOf(e);
		t >= 0 && (this._names.splice(t, 1), this._node.setAttribute("class", this._names.join(" ")));
	},
	contains: function(e) {
		return this._names.indexOf(e) >= 0;
	}
};
function io(e, t) {
	for (var n = no(e), r = -1, i = t.length; ++r < i;) n.add(t[r]);
}
function ao(e, t) {
	for (var n = no(e), r = -1, i = t.length; ++r < i;) n.remove(t[r]);
}
function oo(e) {
	return function() {
		io(this, e);
	};
}
function so(e) {
	return function() {
		ao(this, e);
	};
}
function co(e, t) {
	return function() {
		(t.apply(this, arguments) ? io : ao)(this, e);
	};
}
function lo(e, t) {
	var n = to(e + "");
	if (arguments.length < 2) {
		for (var r = no(this.node()), i = -1, a = n.length; ++i < a;) if (!r.contains(n[i])) return !1;
		return !0;
	}
	return this.each((typeof t == "function" ? co : t ? oo : so)(n, t));
}
function uo() {
	this.textContent = "";
}
function fo(e) {
	return function() {
		this.textContent = e;
	};
}
function po(e) {
	return function() {
		var t = e.apply(this, arguments);
		this.textContent = t ?? "";
	};
}
function mo(e) {
	return arguments.length ? this.each(e == null ? uo : (typeof e == "function" ? po : fo)(e)) : this.node().textContent;
}
function ho() {
	this.innerHTML = "";
}
function go(e) {
	return function() {
		this.innerHTML = e;
	};
}
function _o(e) {
	return function() {
		var t = e.apply(this, arguments);
		this.innerHTML = t ?? "";
	};
}
function vo(e) {
	return arguments.length ? this.each(e == null ? ho : (typeof e == "function" ? _o : go)(e)) : this.node().innerHTML;
}
function yo() {
	this.nextSibling && this.parentNode.appendChild(this);
}
function bo() {
	return this.each(yo);
}
function xo() {
	this.previousSibling && this.parentNode.insertBefore(this, this.parentNode.firstChild);
}
function So() {
	return this.each(xo);
}
function Co(e) {
	var t = typeof e == "function" ? e : Zi(e);
	return this.select(function() {
		return this.appendChild(t.apply(this, arguments));
	});
}
function wo() {
	return null;
}
function To(e, t) {
	var n = typeof e == "function" ? e : Zi(e), r = t == null ? wo : typeof t == "function" ? t : $i(t);
	return this.select(function() {
		return this.insertBefore(n.apply(this, arguments), r.apply(this, arguments) || null);
	});
}
function Eo() {
	var e = this.parentNode;
	e && e.removeChild(this);
}
function Do() {
	return this.each(Eo);
}
function Oo() {
	var e = this.cloneNode(!1), t = this.parentNode;
	return t ? t.insertBefore(e, this.nextSibling) : e;
}
function ko() {
	var e = this.cloneNode(!0), t = this.parentNode;
	return t ? t.insertBefore(e, this.nextSibling) : e;
}
function Ao(e) {
	return this.select(e ? ko : Oo);
}
function jo(e) {
	return arguments.length ? this.property("__data__", e) : this.node().__data__;
}
function Mo(e) {
	return function(t) {
		e.call(this, t, this.__data__);
	};
}
function No(e) {
	return e.trim().split(/^|\s+/).map(function(e) {
		var t = "", n = e.indexOf(".");
		return n >= 0 && (t = e.slice(n + 1), e = e.slice(0, n)), {
			type: e,
			name: t
		};
	});
}
function Po(e) {
	return function() {
		var t = this.__on;
		if (t) {
			for (var n = 0, r = -1, i = t.length, a; n < i; ++n) a = t[n], (!e.type || a.type === e.type) && a.name === e.name ? this.removeEventListener(a.type, a.listener, a.options) : t[++r] = a;
			++r ? t.length = r : delete this.__on;
		}
	};
}
function Fo(e, t, n) {
	return function() {
		var r = this.__on, i, a = Mo(t);
		if (r) {
			for (var o = 0, s = r.length; o < s; ++o) if ((i = r[o]).type === e.type && i.name === e.name) {
				this.removeEventListener(i.type, i.listener, i.options), this.addEventListener(i.type, i.listener = a, i.options = n), i.value = t;
				return;
			}
		}
		this.addEventListener(e.type, a, n), i = {
			type: e.type,
			name: e.name,
			value: t,
			listener: a,
			options: n
		}, r ? r.push(i) : this.__on = [i];
	};
}
function Io(e, t, n) {
	var r = No(e + ""), i, a = r.length, o;
	if (arguments.length < 2) {
		var s = this.node().__on;
		if (s) {
			for (var c = 0, l = s.length, u; c < l; ++c) for (i = 0, u = s[c]; i < a; ++i) if ((o = r[i]).type === u.type && o.name === u.name) return u.value;
		}
	} else {
		for (s = t ? Fo : Po, i = 0; i < a; ++i) this.each(s(r[i], t, n));
		return this;
	}
}
function Lo(e, t, n) {
	var r = Ga(e), i = r.CustomEvent;
	typeof i == "function" ? i = new i(t, n) : (i = r.document.createEvent("Event"), n ? (i.initEvent(t, n.bubbles, n.cancelable), i.detail = n.detail) : i.initEvent(t, !1, !1)), e.dispatchEvent(i);
}
function Ro(e, t) {
	return function() {
		return Lo(this, e, t);
	};
}
function zo(e, t) {
	return function() {
		return Lo(this, e, t.apply(this, arguments));
	};
}
function Bo(e, t) {
	return this.each((typeof t == "function" ? zo : Ro)(e, t));
}
function* Vo() {
	for (var e = this._groups, t = 0, n = e.length; t < n; ++t) for (var r = e[t], i = 0, a = r.length, o; i < a; ++i) (o = r[i]) && (yield o);
}
var Ho = [null];
function Y(e, t) {
	this._groups = e, this._parents = t;
}
function Uo() {
	return new Y([[document.documentElement]], Ho);
}
function Wo() {
	return this;
}
Y.prototype = Uo.prototype = {
	constructor: Y,
	select: ea,
	selectAll: aa,
	selectChild: da,
	selectChildren: ha,
	filter: ga,
	data: wa,
	enter: va,
	exit: Ea,
	join: Da,
	merge: Oa,
	selection: Wo,
	order: ka,
	sort: Aa,
	call: Ma,
	nodes: Na,
	node: Pa,
	size: Fa,
	empty: Ia,
	each: La,
	attr: Wa,
	style: Ya,
	property: eo,
	classed: lo,
	text: mo,
	html: vo,
	raise: bo,
	lower: So,
	append: Co,
	insert: To,
	remove: Do,
	clone: Ao,
	datum: jo,
	on: Io,
	dispatch: Bo,
	[Symbol.iterator]: Vo
};
function Go(e) {
	return typeof e == "string" ? new Y([[document.querySelector(e)]], [document.documentElement]) : new Y([[e]], Ho);
}
var Ko = 0;
function qo() {
	return new Jo();
}
function Jo() {
	this._ = "@" + (++Ko).toString(36);
}
Jo.prototype = qo.prototype = {
	constructor: Jo,
	get: function(e) {
		for (var t = this._; !(t in e);) if (!(e = e.parentNode)) return;
		return e[t];
	},
	set: function(e, t) {
		return e[this._] = t;
	},
	remove: function(e) {
		return this._ in e && delete e[this._];
	},
	toString: function() {
		return this._;
	}
};
function Yo(e) {
	let t;
	for (; t = e.sourceEvent;) e = t;
	return e;
}
function Xo(e, t) {
	if (e = Yo(e), t === void 0 && (t = e.currentTarget), t) {
		var n = t.ownerSVGElement || t;
		if (n.createSVGPoint) {
			var r = n.createSVGPoint();
			return r.x = e.clientX, r.y = e.clientY, r = r.matrixTransform(t.getScreenCTM().inverse()), [r.x, r.y];
		}
		if (t.getBoundingClientRect) {
			var i = t.getBoundingClientRect();
			return [e.clientX - i.left - t.clientLeft, e.clientY - i.top - t.clientTop];
		}
	}
	return [e.pageX, e.pageY];
}
// node_modules/d3-dispatch/dist/d3-dispatch.mjs
var Zo = { value: () => {} };
function Qo() {
	for (var e = 0, t = arguments.length, n = {}, r; e < t; ++e) {
		if (!(r = arguments[e] + "") || r in n || /[\s.]/.test(r)) throw Error("illegal type: " + r);
		n[r] = [];
	}
	return new $o(n);
}
function $o(e) {
	this._ = e;
}
function es(e, t) {
	return e.trim().split(/^|\s+/).map(function(e) {
		var n = "", r = e.indexOf(".");
		if (r >= 0 && (n = e.slice(r + 1), e = e.slice(0, r)), e && !t.hasOwnProperty(e)) throw Error("unknown type: " + e);
		return {
			type: e,
			name: n
		};
	});
}
$o.prototype = Qo.prototype = {
	constructor: $o,
	on: function(e, t) {
		var n = this._, r = es(e + "", n), i, a = -1, o = r.length;
		if (arguments.length < 2) {
			for (; ++a < o;) if ((i = (e = r[a]).type) && (i = ts(n[i], e.name))) return i;
		} else {
			if (t != null && typeof t != "function") throw Error("invalid callback: " + t);
			for (; ++a < o;) if (i = (e = r[a]).type) n[i] = ns(n[i], e.name, t);
			else if (t == null) for (i in n) n[i] = ns(n[i], e.name, null);
			return this;
		}
	},
	copy: function() {
		var e = {}, t = this._;
		for (var n in t) e[n] = t[n].slice();
		return new $o(e);
	},
	call: function(e, t) {
		if ((i = arguments.length - 2) > 0) for (var n = Array(i), r = 0, i, a; r < i; ++r) n[r] = arguments[r + 2];
		if (!this._.hasOwnProperty(e)) throw Error("unknown type: " + e);
		for (a = this._[e], r = 0, i = a.length; r < i; ++r) a[r].value.apply(t, n);
	},
	apply: function(e, t, n) {
		if (!this._.hasOwnProperty(e)) throw Error("unknown type: " + e);
		for (var r = this._[e], i = 0, a = r.length; i < a; ++i) r[i].value.apply(t, n);
	}
};
function ts(e, t) {
	for (var n = 0, r = e.length, i; n < r; ++n) if ((i = e[n]).name === t) return i.value;
}
function ns(e, t, n) {
	for (var r = 0, i = e.length; r < i; ++r) if (e[r].name === t) {
		e[r] = Zo, e = e.slice(0, r).concat(e.slice(r + 1));
		break;
	}
	return n != null && e.push({
		name: t,
		value: n
	}), e;
}
// node_modules/d3-drag/dist/d3-drag.mjs
var rs = {
	capture: !0,
	passive: !1
};
function is(e) {
	e.preventDefault(), e.stopImmediatePropagation();
}
function as(e) {
	var t = e.document.documentElement, n = Go(e).on("dragstart.drag", is, rs);
	"onselectstart" in t ? n.on("selectstart.drag", is, rs) : (t.__noselect = t.style.MozUserSelect, t.style.MozUserSelect = "none");
}
function os(e, t) {
	var n = e.document.documentElement, r = Go(e).on("dragstart.drag", null);
	t && (r.on("click.drag", is, rs), setTimeout(function() {
		r.on("click.drag", null);
	}, 0)), "onselectstart" in n ? r.on("selectstart.drag", null) : (n.style.MozUserSelect = n.__noselect, delete n.__noselect);
}
function ss(e, { sourceEvent: t, subject: n, target: r, identifier: i, active: a, x: o, y: s, dx: c, dy: l, dispatch: u }) {
	Object.defineProperties(this, {
		type: {
			value: e,
			enumerable: !0,
			configurable: !0
		},
		sourceEvent: {
			value: t,
			enumerable: !0,
			configurable: !0
		},
		subject: {
			value: n,
			enumerable: !0,
			configurable: !0
		},
		target: {
			value: r,
			enumerable: !0,
			configurable: !0
		},
		identifier: {
			value: i,
			enumerable: !0,
			configurable: !0
		},
		active: {
			value: a,
			enumerable: !0,
			configurable: !0
		},
		x: {
			value: o,
			enumerable: !0,
			configurable: !0
		},
		y: {
			value: s,
			enumerable: !0,
			configurable: !0
		},
		dx: {
			value: c,
			enumerable: !0,
			configurable: !0
		},
		dy: {
			value: l,
			enumerable: !0,
			configurable: !0
		},
		_: { value: u }
	});
}
ss.prototype.on = function() {
	var e = this._.on.apply(this._, arguments);
	return e === this._ ? this : e;
};
// node_modules/d3-color/dist/d3-color.mjs
function cs(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function ls(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function us() {}
var ds = .7, fs = 1 / ds, ps = "\\s*([+-]?\\d+)\\s*", ms = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", hs = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", gs = /^#([0-9a-f]{3,8})$/, _s = RegExp(`^rgb\\(${ps},${ps},${ps}\\)$`), vs = RegExp(`^rgb\\(${hs},${hs},${hs}\\)$`), ys = RegExp(`^rgba\\(${ps},${ps},${ps},${ms}\\)$`), bs = RegExp(`^rgba\\(${hs},${hs},${hs},${ms}\\)$`), xs = RegExp(`^hsl\\(${ms},${hs},${hs}\\)$`), Ss = RegExp(`^hsla\\(${ms},${hs},${hs},${ms}\\)$`), Cs = {
	aliceblue: 15792383,
	antiquewhite: 16444375,
	aqua: 65535,
	aquamarine: 8388564,
	azure: 15794175,
	beige: 16119260,
	bisque: 16770244,
	black: 0,
	blanchedalmond: 16772045,
	blue: 255,
	blueviolet: 9055202,
	brown: 10824234,
	burlywood: 14596231,
	cadetblue: 6266528,
	chartreuse: 8388352,
	chocolate: 13789470,
	coral: 16744272,
	cornflowerblue: 6591981,
	cornsilk: 16775388,
	crimson: 14423100,
	cyan: 65535,
	darkblue: 139,
	darkcyan: 35723,
	darkgoldenrod: 12092939,
	darkgray: 11119017,
	darkgreen: 25600,
	darkgrey: 11119017,
	darkkhaki: 12433259,
	darkmagenta: 9109643,
	darkolivegreen: 5597999,
	darkorange: 16747520,
	darkorchid: 10040012,
	darkred: 9109504,
	darksalmon: 15308410,
	darkseagreen: 9419919,
	darkslateblue: 4734347,
	darkslategray: 3100495,
	darkslategrey: 3100495,
	darkturquoise: 52945,
	darkviolet: 9699539,
	deeppink: 16716947,
	deepskyblue: 49151,
	dimgray: 6908265,
	dimgrey: 6908265,
	dodgerblue: 2003199,
	firebrick: 11674146,
	floralwhite: 16775920,
	forestgreen: 2263842,
	fuchsia: 16711935,
	gainsboro: 14474460,
	ghostwhite: 16316671,
	gold: 16766720,
	goldenrod: 14329120,
	gray: 8421504,
	green: 32768,
	greenyellow: 11403055,
	grey: 8421504,
	honeydew: 15794160,
	hotpink: 16738740,
	indianred: 13458524,
	indigo: 4915330,
	ivory: 16777200,
	khaki: 15787660,
	lavender: 15132410,
	lavenderblush: 16773365,
	lawngreen: 8190976,
	lemonchiffon: 16775885,
	lightblue: 11393254,
	lightcoral: 15761536,
	lightcyan: 14745599,
	lightgoldenrodyellow: 16448210,
	lightgray: 13882323,
	lightgreen: 9498256,
	lightgrey: 13882323,
	lightpink: 16758465,
	lightsalmon: 16752762,
	lightseagreen: 2142890,
	lightskyblue: 8900346,
	lightslategray: 7833753,
	lightslategrey: 7833753,
	lightsteelblue: 11584734,
	lightyellow: 16777184,
	lime: 65280,
	limegreen: 3329330,
	linen: 16445670,
	magenta: 16711935,
	maroon: 8388608,
	mediumaquamarine: 6737322,
	mediumblue: 205,
	mediumorchid: 12211667,
	mediumpurple: 9662683,
	mediumseagreen: 3978097,
	mediumslateblue: 8087790,
	mediumspringgreen: 64154,
	mediumturquoise: 4772300,
	mediumvioletred: 13047173,
	midnightblue: 1644912,
	mintcream: 16121850,
	mistyrose: 16770273,
	moccasin: 16770229,
	navajowhite: 16768685,
	navy: 128,
	oldlace: 16643558,
	olive: 8421376,
	olivedrab: 7048739,
	orange: 16753920,
	orangered: 16729344,
	orchid: 14315734,
	palegoldenrod: 15657130,
	palegreen: 10025880,
	paleturquoise: 11529966,
	palevioletred: 14381203,
	papayawhip: 16773077,
	peachpuff: 16767673,
	peru: 13468991,
	pink: 16761035,
	plum: 14524637,
	powderblue: 11591910,
	purple: 8388736,
	rebeccapurple: 6697881,
	red: 16711680,
	rosybrown: 12357519,
	royalblue: 4286945,
	saddlebrown: 9127187,
	salmon: 16416882,
	sandybrown: 16032864,
	seagreen: 3050327,
	seashell: 16774638,
	sienna: 10506797,
	silver: 12632256,
	skyblue: 8900331,
	slateblue: 6970061,
	slategray: 7372944,
	slategrey: 7372944,
	snow: 16775930,
	springgreen: 65407,
	steelblue: 4620980,
	tan: 13808780,
	teal: 32896,
	thistle: 14204888,
	tomato: 16737095,
	turquoise: 4251856,
	violet: 15631086,
	wheat: 16113331,
	white: 16777215,
	whitesmoke: 16119285,
	yellow: 16776960,
	yellowgreen: 10145074
};
cs(us, Os, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: ws,
	formatHex: ws,
	formatHex8: Ts,
	formatHsl: Es,
	formatRgb: Ds,
	toString: Ds
});
function ws() {
	return this.rgb().formatHex();
}
function Ts() {
	return this.rgb().formatHex8();
}
function Es() {
	return Bs(this).formatHsl();
}
function Ds() {
	return this.rgb().formatRgb();
}
function Os(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = gs.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? ks(t) : n === 3 ? new X(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? As(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? As(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = _s.exec(e)) ? new X(t[1], t[2], t[3], 1) : (t = vs.exec(e)) ? new X(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = ys.exec(e)) ? As(t[1], t[2], t[3], t[4]) : (t = bs.exec(e)) ? As(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = xs.exec(e)) ? zs(t[1], t[2] / 100, t[3] / 100, 1) : (t = Ss.exec(e)) ? zs(t[1], t[2] / 100, t[3] / 100, t[4]) : Cs.hasOwnProperty(e) ? ks(Cs[e]) : e === "transparent" ? new X(NaN, NaN, NaN, 0) : null;
}
function ks(e) {
	return new X(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function As(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new X(e, t, n, r);
}
function js(e) {
	return e instanceof us || (e = Os(e)), e ? (e = e.rgb(), new X(e.r, e.g, e.b, e.opacity)) : new X();
}
function Ms(e, t, n, r) {
	return arguments.length === 1 ? js(e) : new X(e, t, n, r ?? 1);
}
function X(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
cs(X, Ms, ls(us, {
	brighter(e) {
		return e = e == null ? fs : fs ** +e, new X(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? ds : ds ** +e, new X(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new X(Ls(this.r), Ls(this.g), Ls(this.b), Is(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: Ns,
	formatHex: Ns,
	formatHex8: Ps,
	formatRgb: Fs,
	toString: Fs
}));
function Ns() {
	return `#${Rs(this.r)}${Rs(this.g)}${Rs(this.b)}`;
}
function Ps() {
	return `#${Rs(this.r)}${Rs(this.g)}${Rs(this.b)}${Rs((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function Fs() {
	let e = Is(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${Ls(this.r)}, ${Ls(this.g)}, ${Ls(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function Is(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function Ls(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function Rs(e) {
	return e = Ls(e), (e < 16 ? "0" : "") + e.toString(16);
}
function zs(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new Z(e, t, n, r);
}
function Bs(e) {
	if (e instanceof Z) return new Z(e.h, e.s, e.l, e.opacity);
	if (e instanceof us || (e = Os(e)), !e) return new Z();
	if (e instanceof Z) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new Z(o, s, c, e.opacity);
}
function Vs(e, t, n, r) {
	return arguments.length === 1 ? Bs(e) : new Z(e, t, n, r ?? 1);
}
function Z(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
cs(Z, Vs, ls(us, {
	brighter(e) {
		return e = e == null ? fs : fs ** +e, new Z(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? ds : ds ** +e, new Z(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new X(Ws(e >= 240 ? e - 240 : e + 120, i, r), Ws(e, i, r), Ws(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new Z(Hs(this.h), Us(this.s), Us(this.l), Is(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = Is(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${Hs(this.h)}, ${Us(this.s) * 100}%, ${Us(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function Hs(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function Us(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function Ws(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var Gs = Math.PI / 180, Ks = 180 / Math.PI, qs = 18, Js = .96422, Ys = 1, Xs = .82521, Zs = 4 / 29, Qs = 6 / 29, $s = 3 * Qs * Qs, ec = Qs * Qs * Qs;
function tc(e) {
	if (e instanceof rc) return new rc(e.l, e.a, e.b, e.opacity);
	if (e instanceof uc) return dc(e);
	e instanceof X || (e = js(e));
	var t = sc(e.r), n = sc(e.g), r = sc(e.b), i = ic((.2225045 * t + .7168786 * n + .0606169 * r) / Ys), a, o;
	return t === n && n === r ? a = o = i : (a = ic((.4360747 * t + .3850649 * n + .1430804 * r) / Js), o = ic((.0139322 * t + .0971045 * n + .7141733 * r) / Xs)), new rc(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function nc(e, t, n, r) {
	return arguments.length === 1 ? tc(e) : new rc(e, t, n, r ?? 1);
}
function rc(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
cs(rc, nc, ls(us, {
	brighter(e) {
		return new rc(this.l + qs * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new rc(this.l - qs * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = Js * ac(t), e = Ys * ac(e), n = Xs * ac(n), new X(oc(3.1338561 * t - 1.6168667 * e - .4906146 * n), oc(-.9787684 * t + 1.9161415 * e + .033454 * n), oc(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function ic(e) {
	return e > ec ? e ** (1 / 3) : e / $s + Zs;
}
function ac(e) {
	return e > Qs ? e * e * e : $s * (e - Zs);
}
function oc(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function sc(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function cc(e) {
	if (e instanceof uc) return new uc(e.h, e.c, e.l, e.opacity);
	if (e instanceof rc || (e = tc(e)), e.a === 0 && e.b === 0) return new uc(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * Ks;
	return new uc(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function lc(e, t, n, r) {
	return arguments.length === 1 ? cc(e) : new uc(e, t, n, r ?? 1);
}
function uc(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function dc(e) {
	if (isNaN(e.h)) return new rc(e.l, 0, 0, e.opacity);
	var t = e.h * Gs;
	return new rc(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
cs(uc, lc, ls(us, {
	brighter(e) {
		return new uc(this.h, this.c, this.l + qs * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new uc(this.h, this.c, this.l - qs * (e ?? 1), this.opacity);
	},
	rgb() {
		return dc(this).rgb();
	}
}));
var fc = -.14861, pc = 1.78277, mc = -.29227, hc = -.90649, gc = 1.97294, _c = gc * hc, vc = gc * pc, yc = pc * mc - hc * fc;
function bc(e) {
	if (e instanceof Sc) return new Sc(e.h, e.s, e.l, e.opacity);
	e instanceof X || (e = js(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (yc * r + _c * t - vc * n) / (yc + _c - vc), a = r - i, o = (gc * (n - i) - mc * a) / hc, s = Math.sqrt(o * o + a * a) / (gc * i * (1 - i)), c = s ? Math.atan2(o, a) * Ks - 120 : NaN;
	return new Sc(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function xc(e, t, n, r) {
	return arguments.length === 1 ? bc(e) : new Sc(e, t, n, r ?? 1);
}
function Sc(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
cs(Sc, xc, ls(us, {
	brighter(e) {
		return e = e == null ? fs : fs ** +e, new Sc(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? ds : ds ** +e, new Sc(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * Gs, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new X(255 * (t + n * (fc * r + pc * i)), 255 * (t + n * (mc * r + hc * i)), 255 * (t + gc * r * n), this.opacity);
	}
}));
var Cc = (e) => () => e;
function wc(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function Tc(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function Ec(e, t) {
	var n = t - e;
	return n ? wc(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : Cc(isNaN(e) ? t : e);
}
function Dc(e) {
	return (e = +e) == 1 ? Oc : function(t, n) {
		return n - t ? Tc(t, n, e) : Cc(isNaN(t) ? n : t);
	};
}
function Oc(e, t) {
	var n = t - e;
	return n ? wc(e, n) : Cc(isNaN(e) ? t : e);
}
var kc = (function e(t) {
	var n = Dc(t);
	function r(e, t) {
		var r = n((e = Ms(e)).r, (t = Ms(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = Oc(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function Ac(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
var jc = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, Mc = new RegExp(jc.source, "g");
function Nc(e) {
	return function() {
		return e;
	};
}
function Pc(e) {
	return function(t) {
		return e(t) + "";
	};
}
function Fc(e, t) {
	var n = jc.lastIndex = Mc.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = jc.exec(e)) && (i = Mc.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: Ac(r, i)
	})), n = Mc.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? Pc(c[0].x) : Nc(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
var Ic = 180 / Math.PI, Lc = {
	translateX: 0,
	translateY: 0,
	rotate: 0,
	skewX: 0,
	scaleX: 1,
	scaleY: 1
};
function Rc(e, t, n, r, i, a) {
	var o, s, c;
	return (o = Math.sqrt(e * e + t * t)) && (e /= o, t /= o), (c = e * n + t * r) && (n -= e * c, r -= t * c), (s = Math.sqrt(n * n + r * r)) && (n /= s, r /= s, c /= s), e * r < t * n && (e = -e, t = -t, c = -c, o = -o), {
		translateX: i,
		translateY: a,
		rotate: Math.atan2(t, e) * Ic,
		skewX: Math.atan(c) * Ic,
		scaleX: o,
		scaleY: s
	};
}
var zc;
function Bc(e) {
	let t = new (typeof DOMMatrix == "function" ? DOMMatrix : WebKitCSSMatrix)(e + "");
	return t.isIdentity ? Lc : Rc(t.a, t.b, t.c, t.d, t.e, t.f);
}
function Vc(e) {
	return e == null || (zc ||= document.createElementNS("http://www.w3.org/2000/svg", "g"), zc.setAttribute("transform", e), !(e = zc.transform.baseVal.consolidate())) ? Lc : (e = e.matrix, Rc(e.a, e.b, e.c, e.d, e.e, e.f));
}
function Hc(e, t, n, r) {
	function i(e) {
		return e.length ? e.pop() + " " : "";
	}
	function a(e, r, i, a, o, s) {
		if (e !== i || r !== a) {
			var c = o.push("translate(", null, t, null, n);
			s.push({
				i: c - 4,
				x: Ac(e, i)
			}, {
				i: c - 2,
				x: Ac(r, a)
			});
		} else (i || a) && o.push("translate(" + i + t + a + n);
	}
	function o(e, t, n, a) {
		e === t ? t && n.push(i(n) + "rotate(" + t + r) : (e - t > 180 ? t += 360 : t - e > 180 && (e += 360), a.push({
			i: n.push(i(n) + "rotate(", null, r) - 2,
			x: Ac(e, t)
		}));
	}
	function s(e, t, n, a) {
		e === t ? t && n.push(i(n) + "skewX(" + t + r) : a.push({
			i: n.push(i(n) + "skewX(", null, r) - 2,
			x: Ac(e, t)
		});
	}
	function c(e, t, n, r, a, o) {
		if (e !== n || t !== r) {
			var s = a.push(i(a) + "scale(", null, ",", null, ")");
			o.push({
				i: s - 4,
				x: Ac(e, n)
			}, {
				i: s - 2,
				x: Ac(t, r)
			});
		} else (n !== 1 || r !== 1) && a.push(i(a) + "scale(" + n + "," + r + ")");
	}
	return function(t, n) {
		var r = [], i = [];
		return t = e(t), n = e(n), a(t.translateX, t.translateY, n.translateX, n.translateY, r, i), o(t.rotate, n.rotate, r, i), s(t.skewX, n.skewX, r, i), c(t.scaleX, t.scaleY, n.scaleX, n.scaleY, r, i), t = n = null, function(e) {
			for (var t = -1, n = i.length, a; ++t < n;) r[(a = i[t]).i] = a.x(e);
			return r.join("");
		};
	};
}
var Uc = Hc(Bc, "px, ", "px)", "deg)"), Wc = Hc(Vc, ", ", ")", ")"), Gc = 1e-12;
function Kc(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function qc(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function Jc(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
var Yc = (function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < Gc) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = Kc(y), c = s / (n * g) * (i * Jc(t * r + y) - qc(y));
				return [
					a + c * d,
					o + c * f,
					s * i / Kc(t * r + y)
				];
			};
		}
		return m.duration = Math.abs(h) * 1e3 * t / Math.SQRT2, m;
	}
	return i.rho = function(t) {
		var n = Math.max(.001, +t), r = n * n;
		return e(n, r, r * r);
	}, i;
})(Math.SQRT2, 2, 4);
function Xc(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = xc(t)).h, (r = xc(r)).h), a = Oc(t.s, r.s), o = Oc(t.l, r.l), s = Oc(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
Xc(Ec), Xc(Oc);
// node_modules/d3-timer/dist/d3-timer.mjs
var Zc = 0, Qc = 0, $c = 0, el = 1e3, tl, nl, rl = 0, il = 0, al = 0, ol = typeof performance == "object" && performance.now ? performance : Date, sl = typeof window == "object" && window.requestAnimationFrame ? window.requestAnimationFrame.bind(window) : function(e) {
	setTimeout(e, 17);
};
function cl() {
	return il ||= (sl(ll), ol.now() + al);
}
function ll() {
	il = 0;
}
function ul() {
	this._call = this._time = this._next = null;
}
ul.prototype = dl.prototype = {
	constructor: ul,
	restart: function(e, t, n) {
		if (typeof e != "function") throw TypeError("callback is not a function");
		n = (n == null ? cl() : +n) + (t == null ? 0 : +t), !this._next && nl !== this && (nl ? nl._next = this : tl = this, nl = this), this._call = e, this._time = n, gl();
	},
	stop: function() {
		this._call && (this._call = null, this._time = Infinity, gl());
	}
};
function dl(e, t, n) {
	var r = new ul();
	return r.restart(e, t, n), r;
}
function fl() {
	cl(), ++Zc;
	for (var e = tl, t; e;) (t = il - e._time) >= 0 && e._call.call(void 0, t), e = e._next;
	--Zc;
}
function pl() {
	il = (rl = ol.now()) + al, Zc = Qc = 0;
	try {
		fl();
	} finally {
		Zc = 0, hl(), il = 0;
	}
}
function ml() {
	var e = ol.now(), t = e - rl;
	t > el && (al -= t, rl = e);
}
function hl() {
	for (var e, t = tl, n, r = Infinity; t;) t._call ? (r > t._time && (r = t._time), e = t, t = t._next) : (n = t._next, t._next = null, t = e ? e._next = n : tl = n);
	nl = e, gl(r);
}
function gl(e) {
	Zc || (Qc &&= clearTimeout(Qc), e - il > 24 ? (e < Infinity && (Qc = setTimeout(pl, Math.ceil(e - ol.now() - al) + 1)), $c &&= clearInterval($c)) : ($c ||= (rl = ol.now(), setInterval(ml, el)), Zc = 1, sl(pl)));
}
function _l(e, t, n) {
	var r = new ul();
	return t = t == null ? 0 : +t, r.restart((n) => {
		r.stop(), e(n + t);
	}, t, n), r;
}
// node_modules/d3-ease/dist/d3-ease.mjs
function vl(e) {
	return ((e *= 2) <= 1 ? e * e * e : (e -= 2) * e * e + 2) / 2;
}
var yl = 3;
(function e(t) {
	t = +t;
	function n(e) {
		return e ** +t;
	}
	return n.exponent = e, n;
})(yl), (function e(t) {
	t = +t;
	function n(e) {
		return 1 - (1 - e) ** t;
	}
	return n.exponent = e, n;
})(yl), (function e(t) {
	t = +t;
	function n(e) {
		return ((e *= 2) <= 1 ? e ** +t : 2 - (2 - e) ** t) / 2;
	}
	return n.exponent = e, n;
})(yl);
function bl(e) {
	return (2 ** (-10 * e) - .0009765625) * 1.0009775171065494;
}
var xl = 4 / 11;
1 / xl / xl;
var Sl = 1.70158;
(function e(t) {
	t = +t;
	function n(e) {
		return (e = +e) * e * (t * (e - 1) + e);
	}
	return n.overshoot = e, n;
})(Sl), (function e(t) {
	t = +t;
	function n(e) {
		return --e * e * ((e + 1) * t + e) + 1;
	}
	return n.overshoot = e, n;
})(Sl), (function e(t) {
	t = +t;
	function n(e) {
		return ((e *= 2) < 1 ? e * e * ((t + 1) * e - t) : (e -= 2) * e * ((t + 1) * e + t) + 2) / 2;
	}
	return n.overshoot = e, n;
})(Sl);
var Cl = 2 * Math.PI, wl = 1, Tl = .3;
(function e(t, n) {
	var r = Math.asin(1 / (t = Math.max(1, t))) * (n /= Cl);
	function i(e) {
		return t * bl(- --e) * Math.sin((r - e) / n);
	}
	return i.amplitude = function(t) {
		return e(t, n * Cl);
	}, i.period = function(n) {
		return e(t, n);
	}, i;
})(wl, Tl), (function e(t, n) {
	var r = Math.asin(1 / (t = Math.max(1, t))) * (n /= Cl);
	function i(e) {
		return 1 - t * bl(e = +e) * Math.sin((e + r) / n);
	}
	return i.amplitude = function(t) {
		return e(t, n * Cl);
	}, i.period = function(n) {
		return e(t, n);
	}, i;
})(wl, Tl), (function e(t, n) {
	var r = Math.asin(1 / (t = Math.max(1, t))) * (n /= Cl);
	function i(e) {
		return ((e = e * 2 - 1) < 0 ? t * bl(-e) * Math.sin((r - e) / n) : 2 - t * bl(e) * Math.sin((r + e) / n)) / 2;
	}
	return i.amplitude = function(t) {
		return e(t, n * Cl);
	}, i.period = function(n) {
		return e(t, n);
	}, i;
})(wl, Tl);
// node_modules/d3-transition/dist/d3-transition.mjs
var El = Qo("start", "end", "cancel", "interrupt"), Dl = [], Ol = 0, kl = 1, Al = 2, jl = 3, Ml = 4, Nl = 5, Pl = 6;
function Fl(e, t, n, r, i, a) {
	var o = e.__transition;
	if (!o) e.__transition = {};
	else if (n in o) return;
	Rl(e, n, {
		name: t,
		index: r,
		group: i,
		on: El,
		tween: Dl,
		time: a.time,
		delay: a.delay,
		duration: a.duration,
		ease: a.ease,
		timer: null,
		state: Ol
	});
}
function Il(e, t) {
	var n = Q(e, t);
	if (n.state > Ol) throw Error("too late; already scheduled");
	return n;
}
function Ll(e, t) {
	var n = Q(e, t);
	if (n.state > jl) throw Error("too late; already running");
	return n;
}
function Q(e, t) {
	var n = e.__transition;
	if (!n || !(n = n[t])) throw Error("transition not found");
	return n;
}
function Rl(e, t, n) {
	var r = e.__transition, i;
	r[t] = n, n.timer = dl(a, 0, n.time);
	function a(e) {
		n.state = kl, n.timer.restart(o, n.delay, n.time), n.delay <= e && o(e - n.delay);
	}
	function o(a) {
		var l, u, d, f;
		if (n.state !== kl) return c();
		for (l in r) if (f = r[l], f.name === n.name) {
			if (f.state === jl) return _l(o);
			f.state === Ml ? (f.state = Pl, f.timer.stop(), f.on.call("interrupt", e, e.__data__, f.index, f.group), delete r[l]) : +l < t && (f.state = Pl, f.timer.stop(), f.on.call("cancel", e, e.__data__, f.index, f.group), delete r[l]);
		}
		if (_l(function() {
			n.state === jl && (n.state = Ml, n.timer.restart(s, n.delay, n.time), s(a));
		}), n.state = Al, n.on.call("start", e, e.__data__, n.index, n.group), n.state === Al) {
			for (n.state = jl, i = Array(d = n.tween.length), l = 0, u = -1; l < d; ++l) (f = n.tween[l].value.call(e, e.__data__, n.index, n.group)) && (i[++u] = f);
			i.length = u + 1;
		}
	}
	function s(t) {
		for (var r = t < n.duration ? n.ease.call(null, t / n.duration) : (n.timer.restart(c), n.state = Nl, 1), a = -1, o = i.length; ++a < o;) i[a].call(e, r);
		n.state === Nl && (n.on.call("end", e, e.__data__, n.index, n.group), c());
	}
	function c() {
		for (var i in n.state = Pl, n.timer.stop(), delete r[t], r) return;
		delete e.__transition;
	}
}
function zl(e, t) {
	var n = e.__transition, r, i, a = !0, o;
	if (n) {
		for (o in t = t == null ? null : t + "", n) (r = n[o]).name === t ? (i = r.state > Al && r.state < Nl, r.state = Pl, r.timer.stop(), r.on.call(i ? "interrupt" : "cancel", e, e.__data__, r.index, r.group), delete n[o]) : a = !1;
		a && delete e.__transition;
	}
}
function Bl(e) {
	return this.each(function() {
		zl(this, e);
	});
}
function Vl(e, t) {
	var n, r;
	return function() {
		var i = Ll(this, e), a = i.tween;
		if (a !== n) {
			r = n = a;
			for (var o = 0, s = r.length; o < s; ++o) if (r[o].name === t) {
				r = r.slice(), r.splice(o, 1);
				break;
			}
		}
		i.tween = r;
	};
}
function Hl(e, t, n) {
	var r, i;
	if (typeof n != "function") throw Error();
	return function() {
		var a = Ll(this, e), o = a.tween;
		if (o !== r) {
			i = (r = o).slice();
			for (var s = {
				name: t,
				value: n
			}, c = 0, l = i.length; c < l; ++c) if (i[c].name === t) {
				i[c] = s;
				break;
			}
			c === l && i.push(s);
		}
		a.tween = i;
	};
}
function Ul(e, t) {
	var n = this._id;
	if (e += "", arguments.length < 2) {
		for (var r = Q(this.node(), n).tween, i = 0, a = r.length, o; i < a; ++i) if ((o = r[i]).name === e) return o.value;
		return null;
	}
	return this.each((t == null ? Vl : Hl)(n, e, t));
}
function Wl(e, t, n) {
	var r = e._id;
	return e.each(function() {
		var e = Ll(this, r);
		(e.value ||= {})[t] = n.apply(this, arguments);
	}), function(e) {
		return Q(e, r).value[t];
	};
}
function Gl(e, t) {
	var n;
	return (typeof t == "number" ? Ac : t instanceof Os ? kc : (n = Os(t)) ? (t = n, kc) : Fc)(e, t);
}
function Kl(e) {
	return function() {
		this.removeAttribute(e);
	};
}
function ql(e) {
	return function() {
		this.removeAttributeNS(e.space, e.local);
	};
}
function Jl(e, t, n) {
	var r, i = n + "", a;
	return function() {
		var o = this.getAttribute(e);
		return o === i ? null : o === r ? a : a = t(r = o, n);
	};
}
function Yl(e, t, n) {
	var r, i = n + "", a;
	return function() {
		var o = this.getAttributeNS(e.space, e.local);
		return o === i ? null : o === r ? a : a = t(r = o, n);
	};
}
function Xl(e, t, n) {
	var r, i, a;
	return function() {
		var o, s = n(this), c;
		return s == null ? void this.removeAttribute(e) : (o = this.getAttribute(e), c = s + "", o === c ? null : o === r && c === i ? a : (i = c, a = t(r = o, s)));
	};
}
function Zl(e, t, n) {
	var r, i, a;
	return function() {
		var o, s = n(this), c;
		return s == null ? void this.removeAttributeNS(e.space, e.local) : (o = this.getAttributeNS(e.space, e.local), c = s + "", o === c ? null : o === r && c === i ? a : (i = c, a = t(r = o, s)));
	};
}
function Ql(e, t) {
	var n = Ji(e), r = n === "transform" ? Wc : Gl;
	return this.attrTween(e, typeof t == "function" ? (n.local ? Zl : Xl)(n, r, Wl(this, "attr." + e, t)) : t == null ? (n.local ? ql : Kl)(n) : (n.local ? Yl : Jl)(n, r, t));
}
function $l(e, t) {
	return function(n) {
		this.setAttribute(e, t.call(this, n));
	};
}
function eu(e, t) {
	return function(n) {
		this.setAttributeNS(e.space, e.local, t.call(this, n));
	};
}
function tu(e, t) {
	var n, r;
	function i() {
		var i = t.apply(this, arguments);
		return i !== r && (n = (r = i) && eu(e, i)), n;
	}
	return i._value = t, i;
}
function nu(e, t) {
	var n, r;
	function i() {
		var i = t.apply(this, arguments);
		return i !== r && (n = (r = i) && $l(e, i)), n;
	}
	return i._value = t, i;
}
function ru(e, t) {
	var n = "attr." + e;
	if (arguments.length < 2) return (n = this.tween(n)) && n._value;
	if (t == null) return this.tween(n, null);
	if (typeof t != "function") throw Error();
	var r = Ji(e);
	return this.tween(n, (r.local ? tu : nu)(r, t));
}
function iu(e, t) {
	return function() {
		Il(this, e).delay = +t.apply(this, arguments);
	};
}
function au(e, t) {
	return t = +t, function() {
		Il(this, e).delay = t;
	};
}
function ou(e) {
	var t = this._id;
	return arguments.length ? this.each((typeof e == "function" ? iu : au)(t, e)) : Q(this.node(), t).delay;
}
function su(e, t) {
	return function() {
		Ll(this, e).duration = +t.apply(this, arguments);
	};
}
function cu(e, t) {
	return t = +t, function() {
		Ll(this, e).duration = t;
	};
}
function lu(e) {
	var t = this._id;
	return arguments.length ? this.each((typeof e == "function" ? su : cu)(t, e)) : Q(this.node(), t).duration;
}
function uu(e, t) {
	if (typeof t != "function") throw Error();
	return function() {
		Ll(this, e).ease = t;
	};
}
function du(e) {
	var t = this._id;
	return arguments.length ? this.each(uu(t, e)) : Q(this.node(), t).ease;
}
function fu(e, t) {
	return function() {
		var n = t.apply(this, arguments);
		if (typeof n != "function") throw Error();
		Ll(this, e).ease = n;
	};
}
function pu(e) {
	if (typeof e != "function") throw Error();
	return this.each(fu(this._id, e));
}
function mu(e) {
	typeof e != "function" && (e = oa(e));
	for (var t = this._groups, n = t.length, r = Array(n), i = 0; i < n; ++i) for (var a = t[i], o = a.length, s = r[i] = [], c, l = 0; l < o; ++l) (c = a[l]) && e.call(c, c.__data__, l, a) && s.push(c);
	return new Uu(r, this._parents, this._name, this._id);
}
function hu(e) {
	if (e._id !== this._id) throw Error();
	for (var t = this._groups, n = e._groups, r = t.length, i = n.length, a = Math.min(r, i), o = Array(r), s = 0; s < a; ++s) for (var c = t[s], l = n[s], u = c.length, d = o[s] = Array(u), f, p = 0; p < u; ++p) (f = c[p] || l[p]) && (d[p] = f);
	for (; s < r; ++s) o[s] = t[s];
	return new Uu(o, this._parents, this._name, this._id);
}
function gu(e) {
	return (e + "").trim().split(/^|\s+/).every(function(e) {
		var t = e.indexOf(".");
		return t >= 0 && (e = e.slice(0, t)), !e || e === "start";
	});
}
function _u(e, t, n) {
	var r, i, a = gu(t) ? Il : Ll;
	return function() {
		var o = a(this, e), s = o.on;
		s !== r && (i = (r = s).copy()).on(t, n), o.on = i;
	};
}
function vu(e, t) {
	var n = this._id;
	return arguments.length < 2 ? Q(this.node(), n).on.on(e) : this.each(_u(n, e, t));
}
function yu(e) {
	return function() {
		var t = this.parentNode;
		for (var n in this.__transition) if (+n !== e) return;
		t && t.removeChild(this);
	};
}
function bu() {
	return this.on("end.remove", yu(this._id));
}
function xu(e) {
	var t = this._name, n = this._id;
	typeof e != "function" && (e = $i(e));
	for (var r = this._groups, i = r.length, a = Array(i), o = 0; o < i; ++o) for (var s = r[o], c = s.length, l = a[o] = Array(c), u, d, f = 0; f < c; ++f) (u = s[f]) && (d = e.call(u, u.__data__, f, s)) && ("__data__" in u && (d.__data__ = u.__data__), l[f] = d, Fl(l[f], t, n, f, l, Q(u, n)));
	return new Uu(a, this._parents, t, n);
}
function Su(e) {
	var t = this._name, n = this._id;
	typeof e != "function" && (e = ra(e));
	for (var r = this._groups, i = r.length, a = [], o = [], s = 0; s < i; ++s) for (var c = r[s], l = c.length, u, d = 0; d < l; ++d) if (u = c[d]) {
		for (var f = e.call(u, u.__data__, d, c), p, m = Q(u, n), h = 0, g = f.length; h < g; ++h) (p = f[h]) && Fl(p, t, n, h, f, m);
		a.push(f), o.push(u);
	}
	return new Uu(a, o, t, n);
}
var Cu = Uo.prototype.constructor;
function wu() {
	return new Cu(this._groups, this._parents);
}
function Tu(e, t) {
	var n, r, i;
	return function() {
		var a = Xa(this, e), o = (this.style.removeProperty(e), Xa(this, e));
		return a === o ? null : a === n && o === r ? i : i = t(n = a, r = o);
	};
}
function Eu(e) {
	return function() {
		this.style.removeProperty(e);
	};
}
function Du(e, t, n) {
	var r, i = n + "", a;
	return function() {
		var o = Xa(this, e);
		return o === i ? null : o === r ? a : a = t(r = o, n);
	};
}
function Ou(e, t, n) {
	var r, i, a;
	return function() {
		var o = Xa(this, e), s = n(this), c = s + "";
		return s ?? (c = s = (this.style.removeProperty(e), Xa(this, e))), o === c ? null : o === r && c === i ? a : (i = c, a = t(r = o, s));
	};
}
function ku(e, t) {
	var n, r, i, a = "style." + t, o = "end." + a, s;
	return function() {
		var c = Ll(this, e), l = c.on, u = c.value[a] == null ? s ||= Eu(t) : void 0;
		(l !== n || i !== u) && (r = (n = l).copy()).on(o, i = u), c.on = r;
	};
}
function Au(e, t, n) {
	var r = (e += "") == "transform" ? Uc : Gl;
	return t == null ? this.styleTween(e, Tu(e, r)).on("end.style." + e, Eu(e)) : typeof t == "function" ? this.styleTween(e, Ou(e, r, Wl(this, "style." + e, t))).each(ku(this._id, e)) : this.styleTween(e, Du(e, r, t), n).on("end.style." + e, null);
}
function ju(e, t, n) {
	return function(r) {
		this.style.setProperty(e, t.call(this, r), n);
	};
}
function Mu(e, t, n) {
	var r, i;
	function a() {
		var a = t.apply(this, arguments);
		return a !== i && (r = (i = a) && ju(e, a, n)), r;
	}
	return a._value = t, a;
}
function Nu(e, t, n) {
	var r = "style." + (e += "");
	if (arguments.length < 2) return (r = this.tween(r)) && r._value;
	if (t == null) return this.tween(r, null);
	if (typeof t != "function") throw Error();
	return this.tween(r, Mu(e, t, n ?? ""));
}
function Pu(e) {
	return function() {
		this.textContent = e;
	};
}
function Fu(e) {
	return function() {
		var t = e(this);
		this.textContent = t ?? "";
	};
}
function Iu(e) {
	return this.tween("text", typeof e == "function" ? Fu(Wl(this, "text", e)) : Pu(e == null ? "" : e + ""));
}
function Lu(e) {
	return function(t) {
		this.textContent = e.call(this, t);
	};
}
function Ru(e) {
	var t, n;
	function r() {
		var r = e.apply(this, arguments);
		return r !== n && (t = (n = r) && Lu(r)), t;
	}
	return r._value = e, r;
}
function zu(e) {
	var t = "text";
	if (arguments.length < 1) return (t = this.tween(t)) && t._value;
	if (e == null) return this.tween(t, null);
	if (typeof e != "function") throw Error();
	return this.tween(t, Ru(e));
}
function Bu() {
	for (var e = this._name, t = this._id, n = Wu(), r = this._groups, i = r.length, a = 0; a < i; ++a) for (var o = r[a], s = o.length, c, l = 0; l < s; ++l) if (c = o[l]) {
		var u = Q(c, t);
		Fl(c, e, n, l, o, {
			time: u.time + u.delay + u.duration,
			delay: 0,
			duration: u.duration,
			ease: u.ease
		});
	}
	return new Uu(r, this._parents, e, n);
}
function Vu() {
	var e, t, n = this, r = n._id, i = n.size();
	return new Promise(function(a, o) {
		var s = { value: o }, c = { value: function() {
			--i === 0 && a();
		} };
		n.each(function() {
			var n = Ll(this, r), i = n.on;
			i !== e && (t = (e = i).copy(), t._.cancel.push(s), t._.interrupt.push(s), t._.end.push(c)), n.on = t;
		}), i === 0 && a();
	});
}
var Hu = 0;
function Uu(e, t, n, r) {
	this._groups = e, this._parents = t, this._name = n, this._id = r;
}
function Wu() {
	return ++Hu;
}
var Gu = Uo.prototype;
Uu.prototype = {
	constructor: Uu,
	select: xu,
	selectAll: Su,
	selectChild: Gu.selectChild,
	selectChildren: Gu.selectChildren,
	filter: mu,
	merge: hu,
	selection: wu,
	transition: Bu,
	call: Gu.call,
	nodes: Gu.nodes,
	node: Gu.node,
	size: Gu.size,
	empty: Gu.empty,
	each: Gu.each,
	on: vu,
	attr: Ql,
	attrTween: ru,
	style: Au,
	styleTween: Nu,
	text: Iu,
	textTween: zu,
	remove: bu,
	tween: Ul,
	delay: ou,
	duration: lu,
	ease: du,
	easeVarying: pu,
	end: Vu,
	[Symbol.iterator]: Gu[Symbol.iterator]
};
var Ku = {
	time: null,
	delay: 0,
	duration: 250,
	ease: vl
};
function qu(e, t) {
	for (var n; !(n = e.__transition) || !(n = n[t]);) if (!(e = e.parentNode)) throw Error(`transition ${t} not found`);
	return n;
}
function Ju(e) {
	var t, n;
	e instanceof Uu ? (t = e._id, e = e._name) : (t = Wu(), (n = Ku).time = cl(), e = e == null ? null : e + "");
	for (var r = this._groups, i = r.length, a = 0; a < i; ++a) for (var o = r[a], s = o.length, c, l = 0; l < s; ++l) (c = o[l]) && Fl(c, e, t, l, o, n || qu(c, t));
	return new Uu(r, this._parents, e, t);
}
Uo.prototype.interrupt = Bl, Uo.prototype.transition = Ju;
// node_modules/d3-zoom/dist/d3-zoom.mjs
var Yu = (e) => () => e;
function Xu(e, { sourceEvent: t, target: n, transform: r, dispatch: i }) {
	Object.defineProperties(this, {
		type: {
			value: e,
			enumerable: !0,
			configurable: !0
		},
		sourceEvent: {
			value: t,
			enumerable: !0,
			configurable: !0
		},
		target: {
			value: n,
			enumerable: !0,
			configurable: !0
		},
		transform: {
			value: r,
			enumerable: !0,
			configurable: !0
		},
		_: { value: i }
	});
}
function Zu(e, t, n) {
	this.k = e, this.x = t, this.y = n;
}
Zu.prototype = {
	constructor: Zu,
	scale: function(e) {
		return e === 1 ? this : new Zu(this.k * e, this.x, this.y);
	},
	translate: function(e, t) {
		return e === 0 & t === 0 ? this : new Zu(this.k, this.x + this.k * e, this.y + this.k * t);
	},
	apply: function(e) {
		return [e[0] * this.k + this.x, e[1] * this.k + this.y];
	},
	applyX: function(e) {
		return e * this.k + this.x;
	},
	applyY: function(e) {
		return e * this.k + this.y;
	},
	invert: function(e) {
		return [(e[0] - this.x) / this.k, (e[1] - this.y) / this.k];
	},
	invertX: function(e) {
		return (e - this.x) / this.k;
	},
	invertY: function(e) {
		return (e - this.y) / this.k;
	},
	rescaleX: function(e) {
		return e.copy().domain(e.range().map(this.invertX, this).map(e.invert, e));
	},
	rescaleY: function(e) {
		return e.copy().domain(e.range().map(this.invertY, this).map(e.invert, e));
	},
	toString: function() {
		return "translate(" + this.x + "," + this.y + ") scale(" + this.k + ")";
	}
};
var Qu = new Zu(1, 0, 0);
$u.prototype = Zu.prototype;
function $u(e) {
	for (; !e.__zoom;) if (!(e = e.parentNode)) return Qu;
	return e.__zoom;
}
function ed(e) {
	e.stopImmediatePropagation();
}
function td(e) {
	e.preventDefault(), e.stopImmediatePropagation();
}
function nd(e) {
	return (!e.ctrlKey || e.type === "wheel") && !e.button;
}
function rd() {
	var e = this;
	return e instanceof SVGElement ? (e = e.ownerSVGElement || e, e.hasAttribute("viewBox") ? (e = e.viewBox.baseVal, [[e.x, e.y], [e.x + e.width, e.y + e.height]]) : [[0, 0], [e.width.baseVal.value, e.height.baseVal.value]]) : [[0, 0], [e.clientWidth, e.clientHeight]];
}
function id() {
	return this.__zoom || Qu;
}
function ad(e) {
	return -e.deltaY * (e.deltaMode === 1 ? .05 : e.deltaMode ? 1 : .002) * (e.ctrlKey ? 10 : 1);
}
function od() {
	return navigator.maxTouchPoints || "ontouchstart" in this;
}
function sd(e, t, n) {
	var r = e.invertX(t[0][0]) - n[0][0], i = e.invertX(t[1][0]) - n[1][0], a = e.invertY(t[0][1]) - n[0][1], o = e.invertY(t[1][1]) - n[1][1];
	return e.translate(i > r ? (r + i) / 2 : Math.min(0, r) || Math.max(0, i), o > a ? (a + o) / 2 : Math.min(0, a) || Math.max(0, o));
}
function cd() {
	var e = nd, t = rd, n = sd, r = ad, i = od, a = [0, Infinity], o = [[-Infinity, -Infinity], [Infinity, Infinity]], s = 250, c = Yc, l = Qo("start", "zoom", "end"), u, d, f, p = 500, m = 150, h = 0, g = 10;
	function _(e) {
		e.property("__zoom", id).on("wheel.zoom", C, { passive: !1 }).on("mousedown.zoom", w).on("dblclick.zoom", te).filter(i).on("touchstart.zoom", T).on("touchmove.zoom", E).on("touchend.zoom touchcancel.zoom", D).style("-webkit-tap-highlight-color", "rgba(0,0,0,0)");
	}
	_.transform = function(e, t, n, r) {
		var i = e.selection ? e.selection() : e;
		i.property("__zoom", id), e === i ? i.interrupt().each(function() {
			S(this, arguments).event(r).start().zoom(null, typeof t == "function" ? t.apply(this, arguments) : t).end();
		}) : x(e, t, n, r);
	}, _.scaleBy = function(e, t, n, r) {
		_.scaleTo(e, function() {
			return this.__zoom.k * (typeof t == "function" ? t.apply(this, arguments) : t);
		}, n, r);
	}, _.scaleTo = function(e, r, i, a) {
		_.transform(e, function() {
			var e = t.apply(this, arguments), a = this.__zoom, s = i == null ? b(e) : typeof i == "function" ? i.apply(this, arguments) : i, c = a.invert(s), l = typeof r == "function" ? r.apply(this, arguments) : r;
			return n(y(v(a, l), s, c), e, o);
		}, i, a);
	}, _.translateBy = function(e, r, i, a) {
		_.transform(e, function() {
			return n(this.__zoom.translate(typeof r == "function" ? r.apply(this, arguments) : r, typeof i == "function" ? i.apply(this, arguments) : i), t.apply(this, arguments), o);
		}, null, a);
	}, _.translateTo = function(e, r, i, a, s) {
		_.transform(e, function() {
			var e = t.apply(this, arguments), s = this.__zoom, c = a == null ? b(e) : typeof a == "function" ? a.apply(this, arguments) : a;
			return n(Qu.translate(c[0], c[1]).scale(s.k).translate(typeof r == "function" ? -r.apply(this, arguments) : -r, typeof i == "function" ? -i.apply(this, arguments) : -i), e, o);
		}, a, s);
	};
	function v(e, t) {
		return t = Math.max(a[0], Math.min(a[1], t)), t === e.k ? e : new Zu(t, e.x, e.y);
	}
	function y(e, t, n) {
		var r = t[0] - n[0] * e.k, i = t[1] - n[1] * e.k;
		return r === e.x && i === e.y ? e : new Zu(e.k, r, i);
	}
	function b(e) {
		return [(+e[0][0] + +e[1][0]) / 2, (+e[0][1] + +e[1][1]) / 2];
	}
	function x(e, n, r, i) {
		e.on("start.zoom", function() {
			S(this, arguments).event(i).start();
		}).on("interrupt.zoom end.zoom", function() {
			S(this, arguments).event(i).end();
		}).tween("zoom", function() {
			var e = this, a = arguments, o = S(e, a).event(i), s = t.apply(e, a), l = r == null ? b(s) : typeof r == "function" ? r.apply(e, a) : r, u = Math.max(s[1][0] - s[0][0], s[1][1] - s[0][1]), d = e.__zoom, f = typeof n == "function" ? n.apply(e, a) : n, p = c(d.invert(l).concat(u / d.k), f.invert(l).concat(u / f.k));
			return function(e) {
				if (e === 1) e = f;
				else {
					var t = p(e), n = u / t[2];
					e = new Zu(n, l[0] - t[0] * n, l[1] - t[1] * n);
				}
				o.zoom(null, e);
			};
		});
	}
	function S(e, t, n) {
		return !n && e.__zooming || new ee(e, t);
	}
	function ee(e, n) {
		this.that = e, this.args = n, this.active = 0, this.sourceEvent = null, this.extent = t.apply(e, n), this.taps = 0;
	}
	ee.prototype = {
		event: function(e) {
			return e && (this.sourceEvent = e), this;
		},
		start: function() {
			return ++this.active === 1 && (this.that.__zooming = this, this.emit("start")), this;
		},
		zoom: function(e, t) {
			return this.mouse && e !== "mouse" && (this.mouse[1] = t.invert(this.mouse[0])), this.touch0 && e !== "touch" && (this.touch0[1] = t.invert(this.touch0[0])), this.touch1 && e !== "touch" && (this.touch1[1] = t.invert(this.touch1[0])), this.that.__zoom = t, this.emit("zoom"), this;
		},
		end: function() {
			return --this.active === 0 && (delete this.that.__zooming, this.emit("end")), this;
		},
		emit: function(e) {
			var t = Go(this.that).datum();
			l.call(e, this.that, new Xu(e, {
				sourceEvent: this.sourceEvent,
				target: _,
				transform: this.that.__zoom,
				dispatch: l
			}), t);
		}
	};
	function C(t, ...i) {
		if (!e.apply(this, arguments)) return;
		var s = S(this, i).event(t), c = this.__zoom, l = Math.max(a[0], Math.min(a[1], c.k * 2 ** r.apply(this, arguments))), u = Xo(t);
		if (s.wheel) (s.mouse[0][0] !== u[0] || s.mouse[0][1] !== u[1]) && (s.mouse[1] = c.invert(s.mouse[0] = u)), clearTimeout(s.wheel);
		else if (c.k === l) return;
		else s.mouse = [u, c.invert(u)], zl(this), s.start();
		td(t), s.wheel = setTimeout(d, m), s.zoom("mouse", n(y(v(c, l), s.mouse[0], s.mouse[1]), s.extent, o));
		function d() {
			s.wheel = null, s.end();
		}
	}
	function w(t, ...r) {
		if (f || !e.apply(this, arguments)) return;
		var i = t.currentTarget, a = S(this, r, !0).event(t), s = Go(t.view).on("mousemove.zoom", d, !0).on("mouseup.zoom", p, !0), c = Xo(t, i), l = t.clientX, u = t.clientY;
		as(t.view), ed(t), a.mouse = [c, this.__zoom.invert(c)], zl(this), a.start();
		function d(e) {
			if (td(e), !a.moved) {
				var t = e.clientX - l, r = e.clientY - u;
				a.moved = t * t + r * r > h;
			}
			a.event(e).zoom("mouse", n(y(a.that.__zoom, a.mouse[0] = Xo(e, i), a.mouse[1]), a.extent, o));
		}
		function p(e) {
			s.on("mousemove.zoom mouseup.zoom", null), os(e.view, a.moved), td(e), a.event(e).end();
		}
	}
	function te(r, ...i) {
		if (e.apply(this, arguments)) {
			var a = this.__zoom, c = Xo(r.changedTouches ? r.changedTouches[0] : r, this), l = a.invert(c), u = a.k * (r.shiftKey ? .5 : 2), d = n(y(v(a, u), c, l), t.apply(this, i), o);
			td(r), s > 0 ? Go(this).transition().duration(s).call(x, d, c, r) : Go(this).call(_.transform, d, c, r);
		}
	}
	function T(t, ...n) {
		if (e.apply(this, arguments)) {
			var r = t.touches, i = r.length, a = S(this, n, t.changedTouches.length === i).event(t), o, s, c, l;
			for (ed(t), s = 0; s < i; ++s) c = r[s], l = Xo(c, this), l = [
				l,
				this.__zoom.invert(l),
				c.identifier
			], a.touch0 ? !a.touch1 && a.touch0[2] !== l[2] && (a.touch1 = l, a.taps = 0) : (a.touch0 = l, o = !0, a.taps = 1 + !!u);
			u &&= clearTimeout(u), o && (a.taps < 2 && (d = l[0], u = setTimeout(function() {
				u = null;
			}, p)), zl(this), a.start());
		}
	}
	function E(e, ...t) {
		if (this.__zooming) {
			var r = S(this, t).event(e), i = e.changedTouches, a = i.length, s, c, l, u;
			for (td(e), s = 0; s < a; ++s) c = i[s], l = Xo(c, this), r.touch0 && r.touch0[2] === c.identifier ? r.touch0[0] = l : r.touch1 && r.touch1[2] === c.identifier && (r.touch1[0] = l);
			if (c = r.that.__zoom, r.touch1) {
				var d = r.touch0[0], f = r.touch0[1], p = r.touch1[0], m = r.touch1[1], h = (h = p[0] - d[0]) * h + (h = p[1] - d[1]) * h, g = (g = m[0] - f[0]) * g + (g = m[1] - f[1]) * g;
				c = v(c, Math.sqrt(h / g)), l = [(d[0] + p[0]) / 2, (d[1] + p[1]) / 2], u = [(f[0] + m[0]) / 2, (f[1] + m[1]) / 2];
			} else if (r.touch0) l = r.touch0[0], u = r.touch0[1];
			else return;
			r.zoom("touch", n(y(c, l, u), r.extent, o));
		}
	}
	function D(e, ...t) {
		if (this.__zooming) {
			var n = S(this, t).event(e), r = e.changedTouches, i = r.length, a, o;
			for (ed(e), f && clearTimeout(f), f = setTimeout(function() {
				f = null;
			}, p), a = 0; a < i; ++a) o = r[a], n.touch0 && n.touch0[2] === o.identifier ? delete n.touch0 : n.touch1 && n.touch1[2] === o.identifier && delete n.touch1;
			if (n.touch1 && !n.touch0 && (n.touch0 = n.touch1, delete n.touch1), n.touch0) n.touch0[1] = this.__zoom.invert(n.touch0[0]);
			else if (n.end(), n.taps === 2 && (o = Xo(o, this), Math.hypot(d[0] - o[0], d[1] - o[1]) < g)) {
				var s = Go(this).on("dblclick.zoom");
				s && s.apply(this, arguments);
			}
		}
	}
	return _.wheelDelta = function(e) {
		return arguments.length ? (r = typeof e == "function" ? e : Yu(+e), _) : r;
	}, _.filter = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : Yu(!!t), _) : e;
	}, _.touchable = function(e) {
		return arguments.length ? (i = typeof e == "function" ? e : Yu(!!e), _) : i;
	}, _.extent = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : Yu([[+e[0][0], +e[0][1]], [+e[1][0], +e[1][1]]]), _) : t;
	}, _.scaleExtent = function(e) {
		return arguments.length ? (a[0] = +e[0], a[1] = +e[1], _) : [a[0], a[1]];
	}, _.translateExtent = function(e) {
		return arguments.length ? (o[0][0] = +e[0][0], o[1][0] = +e[1][0], o[0][1] = +e[0][1], o[1][1] = +e[1][1], _) : [[o[0][0], o[0][1]], [o[1][0], o[1][1]]];
	}, _.constrain = function(e) {
		return arguments.length ? (n = e, _) : n;
	}, _.duration = function(e) {
		return arguments.length ? (s = +e, _) : s;
	}, _.interpolate = function(e) {
		return arguments.length ? (c = e, _) : c;
	}, _.on = function() {
		var e = l.on.apply(l, arguments);
		return e === l ? _ : e;
	}, _.clickDistance = function(e) {
		return arguments.length ? (h = (e = +e) * e, _) : Math.sqrt(h);
	}, _.tapDistance = function(e) {
		return arguments.length ? (g = +e, _) : g;
	}, _;
}
// src/stage.ts
var ld = {
	width: 190,
	height: 130
}, ud = class {
	onhit;
	onhover;
	canvas;
	map = n("canvas", {
		class: "map",
		"aria-hidden": "true"
	});
	element;
	view = {
		boxes: [],
		frames: [],
		edges: [],
		labels: [],
		boxOf: [],
		width: 1,
		height: 1
	};
	look;
	at = Qu;
	asked = !1;
	overview = null;
	zoom = cd().scaleExtent([.01, 4]).clickDistance(4);
	constructor(e, t, r) {
		this.onhit = t, this.onhover = r, this.canvas = n("canvas", {
			class: "graph",
			tabindex: 0,
			role: "application",
			"aria-label": `${e} Arrow keys move along its edges, Enter opens and closes blocks.`,
			"aria-describedby": "said"
		}), this.element = n("div", { class: "stage" }, this.canvas, this.map), this.zoom.on("zoom", (e) => {
			this.at = e.transform, this.render();
		}), Go(this.canvas).call(this.zoom).on("dblclick.zoom", null), this.canvas.addEventListener("click", (e) => this.onhit(this.hit(e.offsetX, e.offsetY), !1)), this.canvas.addEventListener("dblclick", (e) => this.onhit(this.hit(e.offsetX, e.offsetY), !0)), this.canvas.addEventListener("pointermove", (e) => {
			let t = e.buttons ? null : this.hit(e.offsetX, e.offsetY);
			this.canvas.classList.toggle("over", t !== null), this.onhover(t?.member ?? null);
		}), this.canvas.addEventListener("pointerleave", () => this.onhover(null));
		let i = (e) => {
			if (!e.buttons) return;
			let t = this.mapScale();
			this.centre((e.offsetX - t.x) / t.k, (e.offsetY - t.y) / t.k, !1);
		};
		this.map.addEventListener("pointerdown", i), this.map.addEventListener("pointermove", i), new ResizeObserver(() => this.resize()).observe(this.element);
	}
	show(e) {
		this.view = e, this.overview = null, this.render();
	}
	get scale() {
		return this.at.k;
	}
	get size() {
		return [this.canvas.clientWidth, this.canvas.clientHeight];
	}
	on(e, t) {
		return this.at.apply([e, t]);
	}
	seen() {
		let [e, t] = this.size;
		return [...this.at.invert([0, 0]), ...this.at.invert([e, t])];
	}
	fit(e, t = !0) {
		let [n, r] = this.size, { view: i } = this, { flat: a } = this.look, [o, s] = [(n - 48) / i.width, (r - 48) / i.height], c = e ? Math.max(Math.min(o, s, 1.25), .01) : Math.max(Math.min(a ? s : o, 1), .6), l = (n - i.width * c) / 2, u = (r - i.height * c) / 2, d = (t) => e || t > 24 ? t : 24;
		this.go(Qu.translate(a ? d(l) : l, a ? u : d(u)).scale(c), t);
	}
	by(e) {
		let [t, n] = this.size, [r, i] = this.at.invert([t / 2, n / 2]), a = Math.max(.01, Math.min(4, this.at.k * e));
		this.go(Qu.translate(t / 2 - r * a, n / 2 - i * a).scale(a), !0);
	}
	pin(e, t, [n, r]) {
		this.go(Qu.translate(n - e * this.at.k, r - t * this.at.k).scale(this.at.k), !1);
	}
	centre(e, t, n = !0, r = 0) {
		let [i, a] = this.size, o = Math.max(this.at.k, r);
		this.go(Qu.translate(i / 2 - e * o, a / 2 - t * o).scale(o), n);
	}
	into(e) {
		let [t, n, r, i] = this.seen(), a = "title" in e ? di : e.height;
		(!(e.x >= t && e.x + Math.min(e.width, r - t) <= r && e.y >= n && e.y + a <= i) || this.at.k < .45) && this.centre(e.x + e.width / 2, e.y + a / 2, !0, .8);
	}
	go(e, t) {
		let n = !t || matchMedia("(prefers-reduced-motion: reduce)").matches, [r, i] = [this.at, performance.now()], a = (e) => Go(this.canvas).call(this.zoom.transform, e);
		if (n) return void a(e);
		let o = (t) => {
			if (this.at !== r && t - i > 400) return;
			let n = Math.min(1, (t - i) / 220), s = 1 - (1 - n) ** 3, c = (e, t) => e + (t - e) * s;
			a(n === 1 ? e : Qu.translate(c(r.x, e.x), c(r.y, e.y)).scale(c(r.k, e.k))), n < 1 && requestAnimationFrame(o);
		};
		requestAnimationFrame(o);
	}
	hit(e, t) {
		let [n, r] = this.at.invert([e, t]), i = (e) => n >= e.x && n <= e.x + e.width && r >= e.y && r <= e.y + e.height;
		for (let e = this.view.boxes.length - 1; e >= 0; e--) {
			let t = this.view.boxes[e];
			if (!i(t)) continue;
			let a = t.x + t.width;
			return t.times > 1 && n > a - ur(t.times) - 8 && r < t.y + 26 ? {
				member: t,
				part: "badge"
			} : {
				member: t,
				part: t.kind === "scope" && n < t.x + 26 && r < t.y + 26 ? "toggle" : "body"
			};
		}
		for (let e = this.view.frames.length - 1; e >= 0; e--) {
			let t = this.view.frames[e];
			if (!i(t)) continue;
			let a = t.x + t.title;
			return {
				member: t,
				part: r < t.y + di && n >= a && n < a + 28 && t.scope ? "toggle" : "body"
			};
		}
		return null;
	}
	render() {
		this.asked || (this.asked = !0, requestAnimationFrame(() => {
			this.asked = !1, this.paint();
		}));
	}
	resize() {
		for (let [e, t, n] of [[
			this.canvas,
			this.element.clientWidth,
			this.element.clientHeight
		], [
			this.map,
			ld.width,
			ld.height
		]]) e.width = Math.round(t * devicePixelRatio), e.height = Math.round(n * devicePixelRatio);
		this.overview = null, this.paint();
	}
	paint() {
		let e = this.canvas.getContext("2d"), t = devicePixelRatio;
		e.setTransform(1, 0, 0, 1, 0, 0), e.fillStyle = this.look.colours.canvas, e.fillRect(0, 0, this.canvas.width, this.canvas.height), e.setTransform(t * this.at.k, 0, 0, t * this.at.k, t * this.at.x, t * this.at.y), Fi(e, this.view, this.look, this.seen(), this.at.k), this.paintMap();
	}
	mapScale() {
		let e = Math.min((ld.width - 12) / this.view.width, (ld.height - 12) / this.view.height);
		return {
			k: e,
			x: (ld.width - this.view.width * e) / 2,
			y: (ld.height - this.view.height * e) / 2
		};
	}
	paintMap() {
		let e = this.map.getContext("2d"), t = devicePixelRatio, { k: n, x: r, y: i } = this.mapScale();
		if (!this.overview) {
			this.overview = document.createElement("canvas"), this.overview.width = this.map.width, this.overview.height = this.map.height;
			let e = this.overview.getContext("2d");
			e.setTransform(t * n, 0, 0, t * n, t * r, t * i);
			for (let t of this.view.frames) e.fillStyle = this.look.colours.shade, e.fillRect(t.x, t.y, t.width, t.height);
			for (let t of this.view.boxes) e.fillStyle = this.look.paint(t).line, e.fillRect(t.x, t.y, Math.max(t.width, 1 / n), Math.max(t.height, 1 / n));
		}
		e.setTransform(1, 0, 0, 1, 0, 0), e.clearRect(0, 0, this.map.width, this.map.height), e.drawImage(this.overview, 0, 0);
		let [a, o, s, c] = this.seen();
		e.setTransform(t, 0, 0, t, 0, 0), e.strokeStyle = this.look.colours.accent, e.lineWidth = 1.5;
		let l = (e, t) => Math.max(1, Math.min(t - 1, e)), [u, d, f, p] = [
			l(r + a * n, ld.width),
			l(i + o * n, ld.height),
			l(r + s * n, ld.width),
			l(i + c * n, ld.height)
		];
		e.strokeRect(u, d, f - u, p - d);
	}
	recolour() {
		this.overview = null, this.render();
	}
}, dd = class {
	model;
	scheme;
	gallery;
	index;
	stage;
	state = {
		open: /* @__PURE__ */ new Set(),
		unfolded: /* @__PURE__ */ new Set(),
		flat: !1
	};
	chosen = null;
	others = [];
	depth = 0;
	figure;
	folds = /* @__PURE__ */ new Map();
	legend = n("div", { class: "legend" });
	constructor(e, t, n, r) {
		this.model = e, this.scheme = t, this.gallery = n, this.index = Xn(e), [this.figure] = wr(e), this.indexFolds(e.tree), this.stage = new ud(`The graph of ${e.name}.`, r, (e) => this.hover(e)), this.stage.element.append(this.legend), this.openLevels(Math.min(e.depth, this.index.levels));
	}
	indexFolds(e) {
		for (let t of e) Jn(t) ? t.copies.forEach((e) => {
			e.forEach((e) => this.folds.set(typeof e == "number" ? this.model.nodes[e].name : qn(e) ? e.scope : "", t)), this.indexFolds(e);
		}) : qn(t) && this.indexFolds(t.items);
	}
	redraw(e) {
		let t = e?.(), n = t && this.stage.on(t.x, t.y), r = cr(this.model, this.state);
		Di(r, this.state.flat), this.stage.view = r, this.relook(), this.stage.show(r);
		let i = e?.();
		n && i && this.stage.pin(i.x, i.y, n);
	}
	relook() {
		let { boxes: e } = this.stage.view, t = this.scheme();
		this.stage.look = {
			colours: t === "dark" ? Pi : Ni,
			paint: Fr(this.model, e, this.figure, t),
			chosen: this.drawn(this.chosen),
			hovered: null,
			marked: new Set(this.others.map((e) => this.stage.view.boxOf[e]).filter((e) => e !== void 0)),
			flat: this.state.flat,
			gallery: this.gallery
		}, this.gallery && (this.gallery.scheme = t), this.legend.hidden = this.figure.of === "family", this.legend.replaceChildren(...Vr(this.model, e, this.figure, t)), this.stage.recolour();
	}
	colour(e) {
		let t = wr(this.model);
		this.figure = t.find((t) => t.label === e.label && t.of === e.of && t.overlay === e.overlay) ?? t[0], this.relook();
	}
	drawn(e) {
		let { frames: t, boxes: n, boxOf: r } = this.stage.view;
		if (!e) return null;
		if ("node" in e) return r[e.node] ?? null;
		let i = [...t, ...n].find((t) => t.scope?.scope === e.scope);
		if (i) return i;
		let a = this.index.scopes.get(e.scope), o = r[K(a)[0]];
		if (!o || o.kind === "scope") return o ?? null;
		let s = o.frame;
		for (; s?.scope && K(s.scope).length < K(a).length;) s = s.frame;
		return s;
	}
	hover(e) {
		this.stage.look.hovered !== e && (this.stage.look.hovered = e, this.stage.render());
	}
	openLevels(e) {
		this.depth = Math.max(0, Math.min(e, this.index.levels)), this.state.open = new Set([...this.index.scopes.keys()].filter((e) => this.index.around.get(e).length < this.depth)), this.redraw();
	}
	open(e, t) {
		t ? this.state.open.add(e) : this.state.open.delete(e), this.redraw(() => [...this.stage.view.frames, ...this.stage.view.boxes].find((t) => t.scope?.scope === e) ?? null);
	}
	turn(e) {
		this.state.flat = e, this.redraw(), this.stage.fit(!1);
	}
	copies(e) {
		let t = this.folds.get(e);
		return t ? {
			times: t.copies.length,
			folded: !this.state.unfolded.has(fr(this.model, t))
		} : null;
	}
	refold(e) {
		let { unfolded: t } = this.state, n = this.folds.get(e), r = fr(this.model, n);
		if (!t.delete(r)) {
			t.add(r);
			for (let t of n.copies) for (let n of t) qn(n) && this.state.open.has(e) && this.state.open.add(n.scope);
		}
		this.redraw(() => this.drawn(this.chosen));
	}
	reveal(e) {
		if (!e) return;
		let t = "node" in e ? this.model.nodes[e.node].name : e.scope, n = (this.index.around.get(t) ?? []).filter(({ scope: e }) => !this.state.open.has(e)), r = !1;
		if ("scope" in e) for (let { scope: e } of n) r = !!this.state.open.add(e);
		else for (let t = this.stage.view.boxOf[e.node]; t?.kind === "scope"; t = this.stage.view.boxOf[e.node]) r = !!this.state.open.add(t.scope.scope), this.stage.view = cr(this.model, this.state);
		r && this.redraw();
	}
	sight() {
		let e = this.drawn(this.chosen);
		e && this.stage.into(e);
	}
	get name() {
		return this.chosen && ("node" in this.chosen ? this.model.nodes[this.chosen.node].name : this.chosen.scope);
	}
	named(e) {
		if (e === null) return null;
		let t = this.index.numbers.get(e);
		return t === void 0 ? this.index.scopes.has(e) ? { scope: e } : null : { node: t };
	}
	where(e) {
		let t = this.drawn(this.index.scopes.has(e) ? { scope: e } : this.named(e));
		if (!t) return null;
		let n = this.stage.canvas.getBoundingClientRect(), [r, i] = this.stage.on(t.x + t.width / 2, t.y + (sr(t) ? 12 : t.height / 2)), a = t.scope?.scope ?? (sr(t) ? "" : this.model.nodes[t.node].name);
		return {
			x: r + n.x,
			y: i + n.y,
			drawn: a,
			times: t.times
		};
	}
	boxes() {
		return this.stage.view.boxes.map(({ node: e, scope: t, times: n, x: r, y: i, width: a, height: o }) => ({
			name: t?.scope ?? this.model.nodes[e].name,
			times: n,
			x: r,
			y: i,
			width: a,
			height: o
		}));
	}
}, fd = new Set("exp log log2 max min softmax sigmoid tanh relu gelu erf mean var std abs cos sin sign floor ceil round clip clamp if else or and where for of with in to is the mod over all on".split(" ")), pd = {
	"*": "·",
	"->": "→",
	"<=": "≤",
	">=": "≥",
	"!=": "≠",
	"-": "−",
	pi: "π",
	eps: "ε",
	alpha: "α",
	beta: "β",
	gamma: "γ",
	lambda: "λ",
	mu: "μ",
	sigma: "σ",
	inf: "∞",
	sqrt: "√",
	sum: "∑",
	prod: "∏",
	in: "∈"
}, md = /[_^](?:\{[^}]*\}|\([^)]*\)|-?[A-Za-z0-9]+)|->|<=|>=|!=|[A-Za-z]+\d*|\d+(?:\.\d+)?|\s+|./gy;
function hd(e) {
	let t = n("span", { class: "formula" });
	for (let [r] of e.matchAll(md)) {
		let e = r[0];
		if ((e === "_" || e === "^") && r.length > 1) {
			let i = r.slice(1).replace(/^[{(](.*)[})]$/, "$1");
			t.append(n(e === "_" ? "sub" : "sup", {}, ...hd(i).childNodes));
		} else r in pd ? t.append(r === "sum" || r === "prod" ? n("span", { class: "big" }, pd[r]) : pd[r]) : /^[A-Za-z]/.test(r) && !fd.has(r) ? t.append(n("i", {}, r)) : t.append(r);
	}
	return t;
}
function gd(e) {
	return e.split(/\n\s*\n/).filter((e) => e.trim()).map((e) => {
		let t = e.replace(/\s*\n\s*/g, " ").trim(), r = /^`[^`]+`\.?$/.test(t), i = t.split(/`([^`]+)`/);
		return n("p", { class: r ? "display" : "" }, ...i.map((e, t) => t % 2 ? hd(e) : e));
	});
}
// src/panel.ts
var _d = class {
	model;
	index;
	scheme;
	doings;
	element = n("aside", {
		class: "panel",
		"aria-label": "Details"
	});
	constructor(e, t, n, r) {
		this.model = e, this.index = t, this.scheme = n, this.doings = r;
	}
	showModel() {
		let { model: e } = this, { totals: t } = e, r = e.nodes.filter((e) => e.op), i = (t) => e.nodes.map((e, t) => t).filter((n) => e.nodes[n].cost?.[t]).sort((n, r) => (e.nodes[r].cost[t] ?? 0) - (e.nodes[n].cost[t] ?? 0)).slice(0, 6);
		this.put(n("h2", {}, e.name), e.doc && n("p", { class: "doc" }, e.doc), e.source && n("p", { class: "source" }, e.source), n("div", { class: "figures" }, $("parameters", t.parameters), $("MACs", t.macs), $("activations", t.bytes, "B"), $("ops", r.length)), ...this.doings.witness?.probabilities() ?? [], t.uncounted > 0 && n("p", { class: "note" }, `MACs and FLOPs leave out ${t.uncounted} nodes whose cost is not known.`), ...this.changes(), ...this.ends("Inputs", "input"), ...this.ends("Targets", "target"), ...this.ends("Outputs", "output"), ...Object.keys(e.sizes).length ? [n("h3", {}, "Free sizes"), n("p", { class: "doc" }, Object.entries(e.sizes).map(([e, t]) => `${e} = ${t}`).join(", ") + " in all figures")] : [], ...this.top("Most parameters", i(0), 0), ...this.top("Most MACs", i(1), 1), n("h3", {}, "Families of ops"), this.families(r));
	}
	changes() {
		let { changes: e } = this.model;
		if (!e) return [];
		let t = [
			"added",
			"removed",
			"changed"
		].flatMap((t) => {
			let r = e.list.filter((e) => e.kind === t);
			if (!r.length) return [];
			let i = r.map((t) => n("li", {}, this.linked(t, e.side), " ", n("span", { class: "plain" }, t.op), ...yd(t)));
			return [n("h3", {}, `${t[0].toUpperCase()}${t.slice(1)} ${Or(e)}: ${r.length}`), n("ul", { class: "links" }, ...i)];
		});
		return t.length ? t : [n("p", { class: "note" }, `Nothing differs from ${e.other}.`)];
	}
	linked({ kind: e, name: t }, r) {
		let i = e === "changed" || e === "added" == (r === "new"), a = i ? this.index.numbers.get(t) : void 0;
		if (a !== void 0) return this.link(a);
		let o = i ? null : this.doings.inOther(t);
		return o ? n("button", {
			type: "button",
			class: "link",
			onclick: o
		}, ...vd(t)) : n("code", {}, ...vd(t));
	}
	change(e) {
		let { changes: t } = this.model, r = t?.side === "new" ? "removed" : "added", i = t?.list.find((t) => t.name === e && t.kind !== r);
		return i ? [n("h3", {}, `${i.kind[0].toUpperCase()}${i.kind.slice(1)} ${Or(t)}`), ...yd(i)] : [];
	}
	ends(e, t) {
		let r = this.model.nodes.map((e, t) => [e, t]).filter(([e]) => e.kind === t);
		return r.length ? [n("h3", {}, e), Sd(r.map(([e, n]) => [this.link(n), this.type(t === "output" ? e.in[0][3] : e.out[0][1])]))] : [];
	}
	top(e, t, r) {
		if (!t.length) return [];
		let i = r ? this.model.totals.macs : this.model.totals.parameters, a = this.model.nodes[t[0]].cost[r];
		return [n("h3", {}, e), n("div", { class: "bars" }, ...t.map((e) => {
			let t = this.model.nodes[e].cost[r];
			return n("div", { class: "row" }, this.link(e), xd(t / a), n("span", { class: "amount" }, `${Qn(t)} · ${bd(t / i)}`));
		}))];
	}
	families(e) {
		let t = /* @__PURE__ */ new Map();
		for (let n of e) {
			let e = this.model.ops[n.op].family || "other";
			t.set(e, (t.get(e) ?? 0) + 1);
		}
		return n("div", { class: "chips" }, ...[...t].sort((e, t) => t[1] - e[1]).map(([e, t]) => this.chip(`${e} ${t}`, e)));
	}
	showScope(e) {
		let t = K(e).map((e) => this.model.nodes[e]), r = (e) => t.reduce((t, n) => t + (n.cost?.[e] ?? 0), 0), i = this.doings.copies(e.scope), { totals: a } = this.model;
		this.put(this.path(e.scope), n("h2", {}, Zn(e.scope)), n("div", { class: "chips" }, e.block && this.chip(e.block, "kind:scope"), n("span", { class: "plain" }, `${t.length} ops`)), n("div", { class: "actions" }, n("button", {
			type: "button",
			onclick: () => this.doings.toggle(e.scope)
		}, this.doings.isOpen(e.scope) ? "Close" : "Open"), i && n("button", {
			type: "button",
			onclick: () => this.doings.refold(e.scope)
		}, i.folded ? `Show all ${i.times} copies` : `Fold ${i.times} copies`)), e.doc && n("p", { class: "doc" }, e.doc), n("div", { class: "figures" }, $("parameters", r(0), "", a.parameters), $("MACs", r(1), "", a.macs), $("activations", r(3), "B", a.bytes)), n("h3", {}, "Families of ops"), this.families(t.filter((e) => e.op)), ...this.place(e.place), n("h3", {}, "Inside"), n("ul", { class: "links" }, ...K(e).slice(0, 60).map((t) => n("li", {}, this.link(t, e.scope), " ", n("span", { class: "plain" }, this.model.nodes[t].op ?? "")))));
	}
	showNode(e, t) {
		let r = this.model.nodes[e], i = r.op ? this.model.ops[r.op] : void 0, a = this.doings.copies(r.name), o = t.indexOf(e);
		this.put(this.path(r.name), n("h2", {}, Zn(r.name)), n("div", { class: "chips" }, r.op ? this.chip(r.op, i.family || "other") : this.chip(r.kind, `kind:${r.kind}`), i && n("span", { class: "plain" }, i.family), ...(r.marks ?? []).map((e) => n("span", { class: "mark" }, e))), t.length > 1 && n("div", { class: "actions" }, n("span", { class: "plain" }, `${o + 1} of ${t.length} nodes from these lines`), n("button", {
			type: "button",
			"aria-label": "Previous",
			onclick: () => this.doings.goNode(t[(o + t.length - 1) % t.length])
		}, "‹"), n("button", {
			type: "button",
			"aria-label": "Next",
			onclick: () => this.doings.goNode(t[(o + 1) % t.length])
		}, "›")), a && n("div", { class: "actions" }, n("button", {
			type: "button",
			onclick: () => this.doings.refold(r.name)
		}, a.folded ? `Show all ${a.times} copies` : `Fold ${a.times} copies`)), r.doc && n("p", { class: "doc" }, r.doc), i && n("div", { class: "formulas" }, ...gd(i.doc)), ...this.doings.witness?.node(r.name, r.op) ?? [], ...this.wires(e), ...this.change(r.name), ...this.arguments(r), ...this.costs(r), ...this.overlays(e), ...this.tensors(r), ...this.filters(r), ...this.place(r.place));
	}
	wires(e) {
		let t = this.model.nodes[e], r = [];
		t.in?.length && r.push(n("h3", {}, "Reads"), Sd(t.in.map(([e, t, r, i]) => [
			n("span", { class: "port" }, e || "value"),
			n("span", {}, this.link(t), typeof r == "string" ? `.${r}` : r && this.model.nodes[t].out[r] ? `:${this.model.nodes[t].out[r][0]}` : ""),
			this.type(i)
		]))), t.out.length && t.kind !== "output" && r.push(n("h3", {}, "Gives"), Sd(t.out.map(([e, t]) => [n("span", { class: "port" }, e), this.type(t)])));
		let i = [...new Set(this.index.readers[e].map(([e]) => e))];
		return i.length && r.push(n("h3", {}, "Read by"), n("ul", { class: "links" }, ...i.slice(0, 40).map((e) => n("li", {}, this.link(e), " ", n("span", { class: "plain" }, this.model.nodes[e].op ?? this.model.nodes[e].kind))))), r;
	}
	arguments(e) {
		let t = e.op ? this.model.ops[e.op].args : [];
		if (!t.length) return [];
		let r = e.args ?? {}, i = [...t].sort((e, t) => Number(t[0] in r) - Number(e[0] in r)).map(([e, t, i]) => n("tr", {
			class: e in r ? "" : "default",
			title: e in r ? null : "the default"
		}, n("th", { scope: "row" }, e), n("td", { class: "value" }, r[e] ?? t ?? ""), n("td", { class: "told" }, i)));
		return [n("h3", {}, "Arguments"), n("table", { class: "arguments" }, n("tbody", {}, ...i))];
	}
	costs(e) {
		if (!e.cost) return [];
		let [t, r, i, a] = e.cost, { totals: o } = this.model, s = n("div", { class: "figures" }, $("parameters", t, "", o.parameters), $("MACs", r, "", o.macs), i === null ? n("div", { class: "figure" }, n("b", {}, "–"), n("span", {}, "FLOPs not known")) : $("FLOPs", i, "", o.flops), $("output", a, "B", o.bytes));
		return [n("h3", {}, "Costs"), s];
	}
	overlays(e) {
		let t = (this.model.overlays ?? []).flatMap((t) => {
			let r = Nr(t).get(e);
			return r === void 0 ? [] : [n("div", { class: "figure" }, n("b", {}, Lr(r, t.unit)), n("span", {}, t.name))];
		});
		return t.length ? [n("h3", {}, "Measured"), n("div", { class: "figures" }, ...t)] : [];
	}
	tensors(e) {
		let t = [...e.parameters ?? [], ...e.buffers ?? []], r = this.model.statistics[e.name];
		if (!t.length && !r) return [];
		let i = [n("h3", {}, "Parameters and buffers")];
		for (let [r, a] of t) {
			let t = this.model.statistics[`${e.name}.${r}`];
			i.push(n("div", { class: "tensor" }, n("div", {}, n("span", { class: "port" }, r), " ", this.type(a)), t && Cd(t)));
		}
		return r && i.push(n("div", { class: "tensor" }, Cd(r))), i;
	}
	filters(e) {
		let t = this.model.filters[e.name];
		if (!t) return [];
		let r = t.shown < t.of ? `The first ${t.shown} of ${t.of} filters` : `${t.of} filters`;
		return [
			n("h3", {}, "Filters"),
			n("img", {
				class: "filters",
				src: t.picture,
				width: t.size[0],
				height: t.size[1],
				alt: `${r} as pictures`
			}),
			n("p", { class: "note" }, `${r}, each from its least to its greatest weight.`)
		];
	}
	place(e) {
		if (!e) return [];
		let [t, r, i] = e;
		return [n("h3", {}, "Written in"), n("button", {
			type: "button",
			class: "link place",
			onclick: () => this.doings.goPlace()
		}, `${this.model.files[t].name}:${r}:${i}`)];
	}
	path(e) {
		let t = this.index.around.get(e) ?? [];
		return n("nav", {
			class: "path",
			"aria-label": "Blocks around it"
		}, ...t.flatMap((e, r) => [n("button", {
			type: "button",
			class: "link",
			onclick: () => this.doings.goScope(e.scope)
		}, r ? e.scope.slice(t[r - 1].scope.length + 1) : e.scope), n("span", {}, "›")]), n("code", {}, ...vd(e)));
	}
	link(e, t = "") {
		let { name: r } = this.model.nodes[e];
		return n("button", {
			type: "button",
			class: "link",
			onclick: () => this.doings.goNode(e)
		}, ...vd(t && r.startsWith(`${t}.`) ? r.slice(t.length + 1) : r));
	}
	type(e) {
		let { text: t, sizes: r } = this.model.types[e];
		return n("span", { class: "type" }, n("code", {}, t), n("span", { class: "sizes" }, r));
	}
	chip(e, t) {
		let r = n("span", { class: "chip" }, e), { fill: i, line: a, text: o } = this.model.theme[this.scheme()][t] ?? this.model.theme[this.scheme()].other;
		return Object.assign(r.style, {
			background: i,
			borderColor: a,
			color: o
		}), r;
	}
	put(...e) {
		this.element.replaceChildren(...e.filter(Boolean)), this.element.scrollTop = 0;
	}
}, vd = (e) => e.split(/(?<=\.)/).flatMap((e, t) => t ? [n("wbr"), e] : [e]), yd = (e) => e.details.map(([e, t, r]) => n("div", { class: "difference" }, n("span", { class: "port" }, e), " ", n("del", {}, t), " ", n("ins", {}, r))), bd = (e) => e >= .0995 ? `${Math.round(e * 100)}\u202f%` : `${Number((e * 100).toPrecision(2))}\u202f%`;
function $(e, t, r = "", i = 0) {
	let a = `${$n(t)} ${r === "B" ? "bytes" : e}`;
	return n("div", {
		class: "figure",
		title: i ? `${a}, ${bd(t / i)} of the model's` : a
	}, n("b", {}, Qn(t, r)), n("span", {}, e), i > 0 && t > 0 && n("small", {}, bd(t / i)));
}
function xd(e) {
	let t = n("i", {});
	return t.style.width = `${Math.max(1, e * 100)}%`, n("span", {
		class: "bar",
		"aria-hidden": "true"
	}, t);
}
var Sd = (e) => n("table", { class: "wires" }, n("tbody", {}, ...e.map((e) => n("tr", {}, ...e.map((e) => n("td", {}, e))))));
function Cd(e) {
	let { counts: t, low: i, high: a, mean: o, deviation: s } = e, c = t ? `mean ${o}, deviation ${s}` : "no finite element", l = [e.zeros ? `${$n(e.zeros)} zeros` : "", e.strange ? `${$n(e.strange)} not finite` : ""].filter(Boolean).join(", "), u = Math.max(1, ...t ?? []), [d, f] = [256, 44], p = d / (t?.length ?? 1);
	return n("div", {}, t && r("svg", {
		class: "histogram",
		viewBox: `0 0 ${d} ${f}`,
		preserveAspectRatio: "none",
		role: "img",
		"aria-label": `Histogram from ${i} to ${a}`
	}, ...t.map((e, t) => r("rect", {
		x: t * p + .5,
		width: Math.max(p - 1, 1),
		y: f - f * e / u,
		height: f * e / u
	}))), t && n("div", { class: "axis" }, n("span", {}, String(i)), n("span", {}, c), n("span", {}, String(a))), (!t || l) && n("div", { class: "axis" }, n("span", {}, [t ? "" : c, l].filter(Boolean).join(", "))));
}
// src/spec.ts
var wd = 100, Td = class {
	model;
	onpick;
	element;
	pick = n("select", {
		"aria-label": "Spec file",
		onchange: () => this.open(this.pick.selectedIndex)
	});
	body = n("div", {
		class: "code",
		tabindex: 0,
		role: "group",
		"aria-label": "The text of the spec"
	});
	file = -1;
	lines = [];
	begins;
	shown = null;
	constructor(e, t, r, i) {
		this.model = e, this.onpick = r, this.begins = e.files.map(() => /* @__PURE__ */ new Map());
		let a = (e) => {
			let t = this.begins[e[0]];
			return t.has(e[1]) || t.set(e[1], {
				place: e,
				nodes: [],
				scopes: []
			}), t.get(e[1]);
		};
		e.nodes.forEach((e, t) => e.place && a(e.place).nodes.push(t));
		for (let e of t.scopes.values()) e.place && a(e.place).scopes.push(e.scope);
		e.files.forEach((e) => this.pick.append(n("option", {}, e.name))), this.element = n("section", {
			class: "spec",
			"aria-label": "Spec"
		}, n("div", { class: "bar" }, this.pick, n("button", {
			type: "button",
			class: "tool",
			"aria-label": "Close the spec",
			onclick: i
		}, "✕")), this.body), e.files.length ? this.open(0) : this.body.append(n("p", { class: "none" }, "The text of this model's spec is not at hand."));
	}
	open(e) {
		if (e === this.file) return;
		this.file = e, this.pick.selectedIndex = e, this.lines = this.model.files[e].text.split("\n").map((t, r) => {
			let i = n("div", {
				class: this.begins[e].has(r + 1) ? "line begins" : "line",
				"data-line": r + 1
			}, n("span", { class: "number" }, String(r + 1)), ...Od(t));
			return i.addEventListener("click", () => this.clicked(r + 1)), i;
		});
		let t = [];
		for (let e = 0; e < this.lines.length; e += wd) {
			let r = n("div", { class: "chunk" }, ...this.lines.slice(e, e + wd));
			r.style.containIntrinsicHeight = `${1.6 * Math.min(wd, this.lines.length - e)}em`, t.push(r);
		}
		this.body.replaceChildren(...t), this.body.scrollTop = 0, this.light();
	}
	clicked(e) {
		let t = null;
		for (let n of this.begins[this.file].values()) {
			let [, r, , i] = n.place;
			r <= e && e <= i && (!t || r > t.place[1]) && (t = n);
		}
		t && !getSelection()?.toString() && this.onpick(t.nodes, t.scopes);
	}
	show(e, t) {
		this.shown = e ? {
			place: e,
			around: t
		} : null, e && this.open(e[0]), this.light();
		let n = e && this.lines[e[1] - 1];
		if (!n) return;
		let [r, i] = [this.body.getBoundingClientRect(), n.getBoundingClientRect()];
		(i.top < r.top || i.bottom > r.bottom - 30) && (this.body.scrollTop += i.top - r.top - r.height / 3);
	}
	light() {
		let e = (e, t) => e[0] === this.file && t >= e[1] && t <= e[3];
		this.lines.forEach((t, n) => {
			t.classList.toggle("lit", !!this.shown && e(this.shown.place, n + 1)), t.classList.toggle("around", !!this.shown && this.shown.around.some((e) => e[0] === this.file && e[1] === n + 1));
		});
	}
}, Ed = /(#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(\$\([^)]*\)|\$\w+)|([\w$().+-]+)(?=\s*:(?:\s|$))|(\b(?:true|false|null|none)\b|(?<![\w.])-?\d[\d_.]*[kMG]?\b)/g, Dd = [
	"comment",
	"string",
	"expression",
	"key",
	"number-value"
];
function Od(e) {
	let t = [], r = 0;
	for (let i of e.matchAll(Ed)) {
		let a = i.slice(1).findIndex((e) => e !== void 0);
		i.index > r && t.push(e.slice(r, i.index)), t.push(n("span", { class: Dd[a] }, i[0])), r = i.index + i[0].length;
	}
	return [...t, e.slice(r) || (r ? "" : "​")];
}
// src/side.ts
var kd = class {
	model;
	page;
	drawing;
	panel;
	spec;
	constructor(e, t, n, r) {
		this.model = e, this.page = t, this.drawing = new dd(e, t.scheme, n, (e, t) => this.hit(e, t));
		let { drawing: i } = this;
		this.panel = new _d(e, i.index, t.scheme, {
			goNode: (e) => this.go({ node: e }),
			goScope: (e) => this.go({ scope: e }),
			goPlace: () => t.showSpec(!0),
			inOther: (e) => t.inOther(this, e),
			toggle: (e) => this.toggle(e),
			isOpen: (e) => i.state.open.has(e),
			copies: (e) => i.copies(e),
			refold: (e) => this.refold(e),
			witness: r
		}), this.spec = new Td(e, i.index, (e, t) => this.picked(e, t), () => t.showSpec(!1));
	}
	select(e, t = []) {
		this.take(e, t), this.page.selected(this);
	}
	take(e, t = []) {
		this.drawing.chosen = e, this.drawing.others = t, this.refresh(), this.drawing.relook();
	}
	refresh() {
		let { chosen: e, others: t, index: n, name: r } = this.drawing;
		if (!e) return this.panel.showModel(), this.spec.show(null, []);
		let i = (n.around.get(r) ?? []).map((e) => e.place).filter((e) => !!e);
		if ("node" in e) this.panel.showNode(e.node, t), this.spec.show(this.model.nodes[e.node].place, i);
		else {
			let t = n.scopes.get(e.scope);
			this.panel.showScope(t), this.spec.show(t.place, i);
		}
	}
	go(e, t = e && "node" in e && this.drawing.others.includes(e.node) ? this.drawing.others : []) {
		this.drawing.reveal(e), this.select(e, t), this.drawing.sight();
	}
	follow(e) {
		let t = this.drawing.named(e);
		this.drawing.reveal(t), this.take(t), this.drawing.sight();
	}
	picked(e, t) {
		let { chosen: n } = this.drawing, r = n && "node" in n && e.includes(n.node) ? n.node : e[0];
		e.length ? this.go({ node: r }, e) : t.length && this.go({ scope: t[0] });
	}
	toggle(e) {
		let t = !this.drawing.state.open.has(e);
		this.drawing.open(e, t), this.refresh(), this.page.opened(this, e, t);
	}
	refold(e) {
		this.drawing.refold(e), this.refresh();
	}
	hit(e, t) {
		if (this.drawing.stage.canvas.focus({ preventScroll: !0 }), !e) return t ? void 0 : this.select(null);
		let { member: n, part: r } = e, { scope: i } = n;
		i && (t ? r === "body" : r === "toggle") ? this.toggle(i.scope) : r === "badge" && !t ? this.refold(i ? i.scope : this.model.nodes[n.node].name) : t || this.choose(n);
	}
	choose(e) {
		e.scope ? this.select({ scope: e.scope.scope }) : !sr(e) && e.node !== void 0 ? this.select({ node: e.node }) : e.frame && this.choose(e.frame);
	}
}, Ad = class {
	onmove;
	canvas = n("canvas", {});
	mark = n("i", {
		class: "mark-on-map",
		hidden: !0
	});
	caption = n("figcaption", {});
	frame;
	element;
	rows = 1;
	columns = 1;
	at = [0, 0];
	constructor(e, t) {
		this.onmove = t, this.frame = n("div", t ? {
			class: "map-frame moves",
			tabindex: 0,
			role: "application",
			"aria-label": `${e}: the pointer or the arrow keys choose a place`
		} : {
			class: "map-frame",
			role: "img",
			"aria-label": e
		}, this.canvas, this.mark), this.element = n("figure", { class: "mapview" }, this.frame, this.caption), t && (this.frame.addEventListener("pointermove", (e) => {
			let { left: t, top: n, width: r, height: i } = this.canvas.getBoundingClientRect();
			this.go(Math.floor((e.clientY - n) / i * this.rows), Math.floor((e.clientX - t) / r * this.columns));
		}), this.frame.addEventListener("keydown", (e) => {
			let t = {
				ArrowUp: [-1, 0],
				ArrowDown: [1, 0],
				ArrowLeft: [0, -1],
				ArrowRight: [0, 1]
			}[e.key];
			t && (e.preventDefault(), e.stopPropagation(), this.go(Math.max(0, this.at[0]) + t[0], Math.max(0, this.at[1]) + t[1]));
		}));
	}
	go(e, t) {
		let n = (e, t) => Math.max(0, Math.min(t - 1, e)), r = [n(e, this.rows), n(t, this.columns)];
		(r[0] !== this.at[0] || r[1] !== this.at[1]) && (this.at = r, this.onmove(...r));
	}
	values(e, t, n, r, i, a = zn(e)) {
		[this.rows, this.columns] = [t, n], Rn(e, t, n, a, r, this.canvas), this.shape(i);
	}
	picture(e, t, n, r, i) {
		[this.rows, this.columns] = [t, n], [this.canvas.width, this.canvas.height] = [288, Math.round(288 * t / n)];
		let a = this.canvas.getContext("2d");
		if (a.imageSmoothingEnabled = !1, e ? a.drawImage(e, 0, 0, this.canvas.width, this.canvas.height) : a.fillRect(0, 0, this.canvas.width, this.canvas.height), i) {
			let r = i.reduce((e, t) => Math.max(e, t), 0) || 1, o = (e, t, n) => Math.round(e * n / t);
			i.forEach((i, s) => {
				let [c, l] = [Math.floor(s / n), s % n], [u, d] = [o(l, n, this.canvas.width), o(c, t, this.canvas.height)];
				a.fillStyle = e ? `rgba(6,9,13,${.9 * (1 - (i / r) ** .7)})` : `rgba(255,176,32,${i / r})`, a.fillRect(u, d, o(l + 1, n, this.canvas.width) - u, o(c + 1, t, this.canvas.height) - d);
			});
		}
		this.shape(r);
	}
	shape(e) {
		this.frame.style.aspectRatio = `${this.columns} / ${this.rows}`, this.caption.textContent = e;
	}
	put(e, t, n = 1, r = 1) {
		this.onmove && (this.at = [e, t]);
		let [i, a] = [Math.max(0, e), Math.max(0, t)], [o, s] = [Math.min(this.rows, e + n), Math.min(this.columns, t + r)];
		this.mark.hidden = !1, Object.assign(this.mark.style, {
			top: `${100 * i / this.rows}%`,
			left: `${100 * a / this.columns}%`,
			height: `${100 * (o - i) / this.rows}%`,
			width: `${100 * (s - a) / this.columns}%`
		});
	}
	unmark() {
		this.mark.hidden = !0, this.at = [-1, -1];
	}
};
function jd(e, t, r, i, a, o = -1) {
	let s = Math.ceil(e.length / t), c = Math.max(5, Math.min(32, Math.floor(110 / Math.max(s, t)))), [l, u] = [c * t, c * s], d = n("canvas", {
		class: "cells",
		width: 2 * l,
		height: 2 * u,
		role: "img",
		"aria-label": a
	});
	Object.assign(d.style, {
		width: `${l}px`,
		height: `${u}px`
	});
	let f = d.getContext("2d");
	return f.scale(2, 2), f.textAlign = "center", f.textBaseline = "middle", f.font = `500 ${Math.min(10.5, c / 2.9)}px sans-serif`, e.forEach((e, n) => {
		let [a, s] = [n % t * c, Math.floor(n / t) * c], [l, u] = Ln(e ?? 0, r, i);
		f.fillStyle = l, f.fillRect(a, s, c - .75, c - .75), n === o && (f.strokeStyle = "#e0a000", f.lineWidth = 2, f.strokeRect(a + 1, s + 1, c - 2.75, c - 2.75)), c < 20 || (f.fillStyle = u, f.globalAlpha = e === null ? .5 : 1, f.fillText(e === null ? "·" : Md(e), a + c / 2, s + c / 2 + .5, c - 3), f.globalAlpha = 1);
	}), d;
}
var Md = (e) => Number.isFinite(e) ? e.toFixed(Math.abs(e) >= 100 ? 0 : Math.abs(e) >= 10 ? 1 : 2).replace("-", "−") : J(e), Nd = (e, t) => n("b", {
	class: t,
	"data-value": e
}, J(e, 6));
function Pd(e, t) {
	let r = Math.abs(e - t) <= 1e-4 * Math.max(1, Math.abs(t)) || e === t;
	return n("p", { class: r ? "verdict" : "verdict differs" }, "torch computed ", Nd(t, "torch"), r ? "" : ", which is not the same");
}
// src/window.ts
var Fd = 10;
function Id(e, t, r, i, a = (t) => `${e.toLowerCase()} ${t}`) {
	let o = n("select", {
		"aria-label": e,
		onchange: () => i(Number(o.value))
	}, ...t.channels.map((e) => n("option", {
		value: e,
		selected: e === r
	}, a(e))));
	return o;
}
function Ld(e, t) {
	let n = 0;
	return e.forEach((t, r) => t > e[n] && (n = r)), [Math.floor(n / t), n % t];
}
function Rd(e) {
	return e.channels.length < e.shape[0] ? n("p", { class: "note" }, `Numbers of ${e.channels.length} of ${e.shape[0]} channels are in this page, those that are most active.`) : null;
}
function zd(e, t, n, r) {
	let { kernel: i, stride: a, before: o, dilation: s } = e, [c, l] = [n * a[0] - o[0], r * a[1] - o[1]], u = [];
	for (let e = 0; e < i[0]; e++) for (let n = 0; n < i[1]; n++) {
		let [r, i] = [c + e * s[0], l + n * s[1]];
		u.push(r >= 0 && i >= 0 && r < t.rows && i < t.columns ? [r, i] : null);
	}
	return {
		row: c,
		column: l,
		rows: (i[0] - 1) * s[0] + 1,
		columns: (i[1] - 1) * s[1] + 1,
		places: u,
		across: i[1]
	};
}
function Bd(e, t, n, r) {
	let [i, a] = [Math.floor(n * e.rows / t.rows), Math.floor(r * e.columns / t.columns)], [o, s] = [Math.ceil((n + 1) * e.rows / t.rows), Math.ceil((r + 1) * e.columns / t.columns)], c = [];
	for (let e = i; e < o; e++) for (let t = a; t < s; t++) c.push([e, t]);
	return {
		row: i,
		column: a,
		rows: o - i,
		columns: s - a,
		places: c,
		across: s - a
	};
}
var Vd = (e, t, n) => {
	let r = e.channel(t);
	return n.places.map((t) => t ? r[t[0] * e.columns + t[1]] : null);
}, Hd = class {
	names;
	given;
	x;
	y;
	channel;
	place;
	left = new Ad("What is read");
	right;
	told = n("div", { class: "told-of-place" });
	select;
	element;
	constructor(e, t) {
		this.names = e, this.given = t, this.x = t.recording.grid(e.x), this.y = t.recording.grid(e.y), this.channel = t.channel !== null && this.y.channels.includes(t.channel) ? t.channel : this.y.channels[0], this.place = Ld(this.y.channel(this.channel), this.y.columns), this.right = new Ad("What is computed", (e, t) => this.go(e, t)), this.select = Id("Channel", this.y, this.channel, (e) => this.choose(e)), this.element = n("div", { class: "at-work" }, n("div", { class: "choices" }, this.select), n("div", { class: "pair" }, this.left.element, this.right.element), this.told, Rd(this.y));
	}
	choose(e) {
		this.y.channels.includes(e) && (this.channel = e, this.select.value = String(e), this.show());
	}
	show() {
		let { x: e, y: t, given: n } = this, r = this.source();
		n.gallery.isPicture(this.names.x) ? this.left.picture(n.image, e.rows, e.columns, `the picture, ${e.rows}×${e.columns}`) : this.left.values(e.channel(r), e.rows, e.columns, n.scheme, `channel ${r}, ${e.rows}×${e.columns}`), this.right.values(t.channel(this.channel), t.rows, t.columns, n.scheme, `channel ${this.channel}, ${t.rows}×${t.columns}`), this.go(...this.place);
	}
	go(e, t) {
		this.place = [e, t];
		let r = this.window(e, t);
		this.right.put(e, t), this.left.put(r.row, r.column, r.rows, r.columns);
		let i = this.y.at(this.channel, e, t);
		this.told.replaceChildren(n("p", { class: "spot" }, `row ${e}, column ${t}`), ...this.tell(r, i).filter((e) => e !== null));
	}
}, Ud = class extends Hd {
	view;
	weight;
	inner;
	constructor(e, t) {
		super(e, t), this.view = e, this.weight = t.recording.grid(e.weight), this.inner = this.weight.shape[1], this.show();
	}
	first() {
		let { groups: e } = this.view;
		return Math.floor(this.channel / (this.y.shape[0] / e)) * this.inner;
	}
	source() {
		return this.first();
	}
	window(e, t) {
		return zd(this.view, this.x, e, t);
	}
	tell(e, t) {
		let { view: r, given: i, inner: a } = this, o = this.weight.channel(this.channel), s = r.kernel[0] * r.kernel[1], c = r.bias ? i.recording.grid(r.bias).channel(this.channel)[0] : null, l = Array.from({ length: a }, (t, n) => {
			let r = Vd(this.x, this.first() + n, e), i = Array.from(o.subarray(n * s, (n + 1) * s));
			return {
				k: n,
				patch: r,
				kernel: i,
				sum: r.reduce((e, t, n) => e + (t ?? 0) * i[n], 0)
			};
		}), u = l.reduce((e, t) => e + t.sum, 0), d = a > Fd ? [...l].sort((e, t) => Math.abs(t.sum) - Math.abs(e.sum)).slice(0, Fd) : l, f = [zn(d.flatMap((e) => e.patch.map((e) => e ?? 0))), zn(o)], p = d.map((t) => n("div", { class: "product" }, n("span", { class: "which" }, `${this.first() + t.k}`), jd(t.patch, e.across, f[0], i.scheme, `What is read of channel ${this.first() + t.k}`), n("span", {}, "·"), jd(t.kernel, r.kernel[1], f[1], i.scheme, `Kernel of channel ${this.first() + t.k}`), n("span", {}, "="), n("span", { class: "part" }, J(t.sum, 3)))), m = a - d.length, h = u - d.reduce((e, t) => e + t.sum, 0);
		return [
			n("p", { class: "equation" }, `∑ over ${a} channel${a > 1 ? "s" : ""} `, n("span", { class: "operand" }, J(u)), c === null ? "" : ` + bias ${J(c)}`, " = ", Nd(u + (c ?? 0), "sum")),
			Pd(u + (c ?? 0), t),
			n("div", { class: "products" }, n("div", { class: "product head" }, n("span", { class: "which" }, "channel"), n("span", {}, "window"), n("span", {}), n("span", {}, "kernel"), n("span", {}), n("span", {}, "sum")), ...p, m > 0 && n("p", { class: "note" }, `These ${d.length} matter most here; the other ${m} add up to ${J(h)}.`))
		];
	}
}, Wd = class extends Hd {
	view;
	constructor(e, t) {
		super(e, t), this.view = e, this.show();
	}
	source() {
		return this.channel;
	}
	window(e, t) {
		return this.view.adaptive ? Bd(this.x, this.y, e, t) : zd(this.view, this.x, e, t);
	}
	divisor(e) {
		let { view: t, x: n } = this, r = e.places.filter(Boolean).length;
		if (t.adaptive || t.inside) return r;
		let i = (e, t, n, r) => Math.min(e + n, t + r) - e;
		return i(e.row, n.rows, t.kernel[0], t.after[0]) * i(e.column, n.columns, t.kernel[1], t.after[1]);
	}
	tell(e, t) {
		let r = Vd(this.x, this.channel, e), i = r.filter((e) => e !== null), a = jd(r, e.across, zn(i), this.given.scheme, "The window", this.view.how === "max" ? r.indexOf(Math.max(...i)) : -1), o = (e) => i.length <= 9 ? i.map((e) => J(e)).join(e) : `${i.length} numbers`;
		if (this.view.how === "max") {
			let e = Math.max(...i);
			return [
				n("p", { class: "equation" }, `max(${o(", ")}) = `, Nd(e, "sum")),
				Pd(e, t),
				a
			];
		}
		let [s, c] = [i.reduce((e, t) => e + t, 0), this.divisor(e)];
		return [
			n("p", { class: "equation" }, i.length <= 9 ? `(${o(" + ")})` : `∑ of ${o("")} ${J(s)}`, ` / ${c} = `, Nd(s / c, "sum")),
			Pd(s / c, t),
			a
		];
	}
}, Gd = (e, t) => new Ud(e, t), Kd = (e, t) => new Wd(e, t), qd = 6;
function Jd(e, t) {
	let { recording: r } = t, [i, a, o, s] = [
		e.q,
		e.k,
		e.v,
		e.y
	].map((e) => r.grid(e)), c = e.bias ? r.grid(`${e.y}:bias`) : null, [l, u] = [e.skipped ?? 0, a.rows], d = e.skipped === null ? 0 : Math.round(Math.sqrt(u - l)), [f, p] = d ? [d, d] : [1, u], m = s.channels[0], h = l ? 0 : Math.floor(i.rows / 2), g = 0, _ = n("div", { class: "told-of-place" }), v = new Ad("The picture, lit where the token looks", (e, t) => C(l + e * p + t)), y = (t) => e.heads === null ? `head ${t}` : `window ${Math.floor(t / e.heads)}, head ${t % e.heads}`, b = Id("Head", s, m, (e) => w(e), y), x = n("input", {
		type: "number",
		min: 0,
		max: o.columns - 1,
		value: 0,
		"aria-label": "Channel of the output",
		onchange: () => (g = Math.max(0, Math.min(o.columns - 1, Math.round(Number(x.value)))), x.value = String(g), C(h))
	}), S = (e) => e < l ? l > 1 ? `extra token ${e}` : "class token" : d ? `row ${Math.floor((e - l) / d)}, column ${(e - l) % d}` : `token ${e}`;
	function ee(t) {
		let [n, r] = [i.channel(m).subarray(t * i.columns, (t + 1) * i.columns), a.channel(m)], o = Array.from({ length: u }, (e, t) => n.reduce((e, n, i) => e + n * r[t * a.columns + i], 0)), s = o.map((n, r) => e.causal && r > t ? -Infinity : n * e.scale + (c ? c.channel(m)[t * u + r] : 0)), l = Math.max(...s), d = s.map((e) => Math.exp(e - l)), f = d.reduce((e, t) => e + t, 0);
		return {
			products: o,
			weights: d.map((e) => e / f)
		};
	}
	function C(r) {
		h = Math.min(r, i.rows - 1);
		let { products: a, weights: b } = ee(h), x = Float32Array.from(b.slice(l));
		v.picture(e.heads === null && d ? t.image : null, f, p, `where ${S(h)} looks, ${y(m)}`, x), h < l ? v.unmark() : v.put(Math.floor((h - l) / p), (h - l) % p);
		let C = b.map((e, t) => t).sort((e, t) => b[t] - b[e]).slice(0, qd), w = o.channel(m), te = b.reduce((e, t, n) => e + t * w[n * o.columns + g], 0);
		_.replaceChildren(n("p", { class: "spot" }, S(h)), n("table", { class: "looks" }, n("thead", {}, n("tr", {}, ...[
			"looks at",
			"q · k",
			"weight",
			`v[${g}]`
		].map((e) => n("th", { scope: "col" }, e)))), n("tbody", {}, ...C.map((e) => n("tr", {}, n("td", {}, S(e)), n("td", {}, J(a[e])), n("td", {
			class: "weight",
			"data-value": b[e]
		}, Gr(b[e])), n("td", {}, J(w[e * o.columns + g])))))), n("p", { class: "note" }, `weight = softmax(${J(e.scale)} q · k${c ? " + bias" : ""}) over ${u} tokens`), n("p", { class: "equation" }, `∑ weight · v[${g}] = `, Nd(te, "sum")), Pd(te, s.at(m, h, g)));
	}
	function w(e) {
		s.channels.includes(e) && (m = e, b.value = String(e), C(h));
	}
	return C(h), {
		element: n("div", { class: "at-work attention" }, n("div", { class: "choices" }, b, ...Array.from({ length: l }, (e, t) => n("button", {
			type: "button",
			onclick: () => C(t)
		}, S(t))), n("label", {}, "channel ", x)), v.element, _, Rd(s)),
		choose: w
	};
}
// src/elements.ts
function Yd(e, t, r) {
	let [i, a] = [t.recording.grid(e.x), t.recording.grid(e.y)], o = t.channel !== null && a.channels.includes(t.channel) ? t.channel : a.channels[0], s = n("div", { class: "told-of-place" }), c = a.inner === 1, l = new Ad("What is read"), u = new Ad("What is computed", (e, t) => p(e, t)), d = (e) => Float32Array.from(e.channels, (t) => e.at(t, 0, 0)), f = Id("Channel", a, o, (e) => m(e));
	function p(e, t) {
		u.put(e, t), l.put(e, t), c && (o = a.channels[e * Math.ceil(Math.sqrt(a.channels.length)) + t] ?? a.channels[0]);
		let [d, f] = c ? [0, 0] : [e, t];
		s.replaceChildren(n("p", { class: "spot" }, c ? `element ${o}` : `row ${e}, column ${t}`), ...r(i.at(o, d, f), a.at(o, d, f), o));
	}
	function m(e) {
		if (!a.channels.includes(e)) return;
		o = e, f.value = String(e);
		let n = Math.ceil(Math.sqrt(a.channels.length)), [r, s] = c ? [Math.ceil(a.channels.length / n), n] : [a.rows, a.columns], [m, h] = c ? [d(i), d(a)] : [i.channel(o), a.channel(o)];
		l.values(m, r, s, t.scheme, c ? `${m.length} numbers, before` : `channel ${o}, before`), u.values(h, r, s, t.scheme, c ? "and after" : `channel ${o}, after`), p(...Ld(h, s));
	}
	return m(o), {
		element: n("div", { class: "at-work" }, n("div", { class: "choices" }, !c && f), n("div", { class: "pair" }, l.element, u.element), s, Rd(a)),
		choose: m
	};
}
function Xd(e, t, i) {
	let [a, o] = e.curve, [s, c] = [330, 120], [l, u] = [Math.min(0, ...o), Math.max(0, ...o)], d = (e) => (e - a[0]) / (a[a.length - 1] - a[0]) * s, f = (e) => 6 + (u - e) / (u - l || 1) * (c - 12), p = (e, t) => Math.max(0, Math.min(t, e));
	return Yd(e, t, (e, t) => [n("p", { class: "equation" }, `${i}(${J(e)}) = `, Nd(t, "torch")), r("svg", {
		class: "curve",
		viewBox: `0 0 ${s} ${c}`,
		role: "img",
		"aria-label": `The curve of ${i}`
	}, r("path", {
		class: "axes",
		d: `M0 ${f(0)}H${s}M${d(0)} 0V${c}`
	}), r("path", {
		class: "line",
		d: `M${a.map((e, t) => `${d(e).toFixed(1)} ${f(o[t]).toFixed(1)}`).join("L")}`
	}), r("path", {
		class: "guide",
		d: `M${p(d(e), s)} ${f(0)}V${p(f(t), c)}H${d(0)}`
	}), r("circle", {
		cx: p(d(e), s),
		cy: p(f(t), c),
		r: 4.5
	}))]);
}
function Zd(e, t) {
	let r = (e, n, r) => e ? t.recording.grid(e).channel(n)[0] : r;
	return Yd(e, t, (t, i, a) => {
		let [o, s] = [r(e.mean, a, 0), r(e.variance, a, 1)], [c, l] = [r(e.weight, a, 1), r(e.bias, a, 0)], u = (t - o) / Math.sqrt(s + e.eps) * c + l, d = (e) => e < 0 ? `(${J(e)})` : J(e);
		return [
			n("p", { class: "equation" }, `(${J(t)} − ${d(o)}) / √(${J(s)} + ${J(e.eps)})`, e.weight ? ` · ${d(c)}` : "", e.bias ? ` + ${d(l)}` : "", " = ", Nd(u, "sum")),
			n("p", { class: "note" }, `mean ${J(o)}, variance ${J(s)}`, e.weight ? `, weight ${J(c)}` : "", e.bias ? `, bias ${J(l)}` : "", " of this channel."),
			Pd(u, i)
		];
	});
}
// src/rows.ts
var Qd = 8;
function $d(e) {
	let t = n("i", { class: e < 0 ? "against" : "for" });
	return Object.assign(t.style, {
		width: `${Math.max(1, 50 * Math.min(1, Math.abs(e)))}%`,
		[e < 0 ? "right" : "left"]: "50%"
	}), n("span", {
		class: "swing",
		"aria-hidden": "true"
	}, t);
}
function ef(e, t) {
	let n = e.reduce((e, t) => Math.max(e, t), -Infinity), r = e.reduce((e, t) => e + Math.exp(t - n), 0), i = Math.exp(e[t] - n);
	return {
		top: i,
		below: r,
		probability: i / r
	};
}
function tf(e, t, r) {
	let { top: i, below: a, probability: o } = ef(e, t), s = n("b", {
		class: r === "sum" ? "sum" : "probability",
		"data-value": o
	}, Gr(o));
	return n("p", { class: "equation" }, `softmax: e^(${J(e[t])} − max) / ∑ e^(z − max) = ${J(i)} / ${J(a)} = `, s);
}
function nf(e, t, r, i) {
	let a = n("select", {
		"aria-label": "Output",
		onchange: () => i(Number(a.value))
	}, ...[...t].sort((t, n) => e[n] - e[t]).map((t) => n("option", { value: t }, `${r(t)}: ${J(e[t])}`)));
	return a;
}
function rf(e, t, r) {
	let { recording: i } = t, [a, o, s] = [
		i.grid(e.x),
		i.grid(e.y),
		i.grid(e.weight)
	], c = (e) => r ? i.label(e) : `output ${e}`, l = n("div", { class: "told-of-place" }), u = nf(o.data, s.channels, c, (e) => d(e));
	function d(t) {
		if (!s.channels.includes(t)) return;
		u.value = String(t);
		let c = s.channel(t), d = Array.from(c, (e, t) => [t, e * a.data[t]]), f = d.reduce((e, [, t]) => e + t, 0), p = e.bias ? i.grid(e.bias).channel(t)[0] : null, m = [...d].sort((e, t) => Math.abs(t[1]) - Math.abs(e[1])).slice(0, Qd), h = f - m.reduce((e, [, t]) => e + t, 0), g = Math.max(...m.map(([, e]) => Math.abs(e))) || 1, _ = (e, t, r) => n("div", { class: "contribution" }, n("span", { class: "port" }, e), $d(r / g), n("span", { class: "amount" }, J(r)), n("small", {}, t));
		l.replaceChildren(n("p", { class: "equation" }, `∑ of ${d.length} products `, n("span", { class: "operand" }, J(f)), p === null ? "" : ` + bias ${J(p)}`, " = ", Nd(f + (p ?? 0), "sum")), Pd(f + (p ?? 0), o.data[t]), ...r ? [tf(o.data, t, "softmax")] : [], n("div", { class: "contributions" }, ...m.map(([e, t]) => _(`x[${e}]`, `${J(a.data[e])} · ${J(c[e])}`, t)), ...d.length > Qd ? [_("others", `${d.length - Qd} products`, h)] : [], ...p === null ? [] : [_("bias", "", p)]));
	}
	d(Number(u.value));
	let f = s.channels.length < s.shape[0] ? n("p", { class: "note" }, `Weights of ${s.channels.length} of ${s.shape[0]} outputs are in this page, those that are greatest.`) : null;
	return {
		element: n("div", { class: "at-work" }, n("div", { class: "choices" }, u), l, f),
		choose: d
	};
}
function af(e, t) {
	let { recording: r } = t, [i, a] = [r.grid(e.x), r.grid(e.y)], o = n("div", { class: "told-of-place" }), s = nf(i.data, Array.from(i.data, (e, t) => t), (e) => r.label(e), (e) => c(e));
	function c(e) {
		s.value = String(e), o.replaceChildren(tf(i.data, e, "sum"), Pd(ef(i.data, e).probability, a.data[e]));
	}
	return c(Number(s.value)), {
		element: n("div", { class: "at-work" }, n("div", { class: "choices" }, s), o),
		choose: c
	};
}
// src/witness.ts
var of = class {
	model;
	recording;
	gallery;
	scheme;
	seen = new Image();
	silent = () => "";
	shown = null;
	again = null;
	constructor(e, t, n, r) {
		this.model = e, this.recording = t, this.gallery = n, this.scheme = r;
	}
	get image() {
		let { picture: e } = this.recording.run.pictures[this.recording.at];
		return this.seen.src !== e && (this.seen = new Image(), this.seen.onload = () => this.again?.(), this.seen.src = e), this.seen.complete && this.seen.naturalWidth > 0 ? this.seen : null;
	}
	probabilities() {
		let { top: e, name: t } = this.recording.run.pictures[this.recording.at];
		return e.length ? [
			n("h3", {}, `Probabilities, ${t}`),
			n("div", { class: "bars probabilities" }, ...e.map(([e, t]) => {
				let r = n("i", {});
				return r.style.width = `${Math.max(.5, 100 * t)}%`, n("div", { class: "row" }, n("span", { class: "class-name" }, this.recording.label(e)), n("span", {
					class: "bar",
					"aria-hidden": "true"
				}, r), n("span", {
					class: "amount",
					"data-value": t
				}, Gr(t)));
			})),
			...this.caution()
		] : [n("h3", {}, `Run on ${t}`), ...this.caution()];
	}
	caution() {
		let { told: e, trained: t } = this.recording.run;
		return [...e ? [n("p", { class: "note" }, e)] : [], ...t ? [] : [n("p", { class: "note" }, "The weights are initial values: nothing was learnt.")]];
	}
	node(e, t) {
		let { run: r } = this.recording;
		this.gallery.rest(), this.shown = this.again = null;
		let i = [], a = r.views[e], o = this.silent(e);
		return a && o ? i.push(n("p", { class: "note" }, o)) : a ? i.push(...this.atWork(e, a, t ?? "")) : e in r.reasons && i.push(n("p", { class: "note" }, `Its formula is not shown at work: ${r.reasons[e]}.`)), this.isAnswer(e) && i.push(...this.probabilities()), e in r.maps && i.push(...this.maps(e)), i;
	}
	isAnswer(e) {
		let t = this.model.nodes.findIndex((t) => t.name === e), n = this.model.nodes.find((e) => e.kind === "output");
		return this.recording.run.pictures[0].top.length > 0 && !!n && (n.in[0][1] === t || n.name === e);
	}
	atWork(e, t, r) {
		let i = n("div", {}), a = () => {
			let n = {
				recording: this.recording,
				gallery: this.gallery,
				scheme: this.scheme(),
				channel: null,
				image: this.image
			};
			this.shown = this.made(e, t, n, r), i.replaceChildren(this.shown.element);
		};
		return a(), this.image || (this.again = a), [n("h3", {}, "At work on the picture"), i];
	}
	made(e, t, n, r) {
		switch (t.view) {
			case "convolution": return Gd(t, n);
			case "pooling": return Kd(t, n);
			case "pointwise": return Xd(t, n, r);
			case "normalisation": return Zd(t, n);
			case "linear": return rf(t, n, this.isAnswer(e));
			case "softmax": return af(t, n);
			case "attention": return Jd(t, n);
		}
	}
	maps(e) {
		let { run: t, at: r } = this.recording, i = t.maps[e], [a, o, s, c] = i.figures[r], [l, u] = i.size, d = [
			i.form === "vector" ? `${i.of} numbers` : i.kept.length < i.of ? `${i.kept.length} of ${i.of} channels, the most active` : `${i.of} channel${i.of > 1 ? "s" : ""}`,
			i.form !== "vector" && (l < i.from[0] || u < i.from[1]) ? `${i.from[0]}×${i.from[1]} drawn as ${l}×${u}` : "",
			`colours to ±${J(this.recording.scale(e).limit)}`
		].filter(Boolean).join("; "), { shown: f } = this;
		return [
			n("h3", {}, i.form === "vector" ? "Values" : "Maps"),
			this.gallery.shelf(e, `${Zn(e)}: ${d}`, null, f?.choose && i.form !== "vector" ? (e) => f.choose(e) : void 0),
			n("p", { class: "note" }, `${d}. From ${J(a)} to ${J(o)}, mean ${J(s)}, ${Gr(c)} zeros.`)
		];
	}
}, sf = 1250, cf = class {
	model;
	root;
	dark = matchMedia("(prefers-color-scheme: dark)").matches;
	main;
	former = null;
	active;
	witness = null;
	recording = null;
	gallery = null;
	said = n("div", {
		id: "said",
		class: "hidden",
		"aria-live": "polite"
	});
	level = n("output", { "aria-label": "Open levels" });
	shots = n("div", {
		class: "shots",
		role: "group",
		"aria-label": "Pictures"
	});
	help = vr();
	search;
	constructor(e, t) {
		if (this.model = e, this.root = t, e.run) {
			let t = new Set(e.nodes.filter((t) => t.kind === "input" && t.name in e.run.maps).map((e) => e.name));
			this.recording = new Ur(e.run), this.gallery = new Gn(this.recording, t, () => (this.gallery.wake(), this.stage.render())), this.witness = new of(e, this.recording, this.gallery, this.scheme);
		}
		this.main = this.active = new kd(e, this, this.gallery, this.witness);
		let { changes: n } = e;
		n && (this.former = new kd({
			...n.former,
			theme: e.theme,
			changes: {
				...n,
				other: e.name,
				side: "old"
			}
		}, this, null, null)), this.search = new qr(e, this.main.drawing.index, (e) => this.main.go({ node: e }), (e) => this.main.go({ scope: e }), () => this.stage.canvas.focus()), this.build(), this.recolour(), this.sides.forEach((e) => e.take(null)), addEventListener("keydown", (e) => this.key(e)), matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (e) => this.setDark(e.matches)), requestAnimationFrame(() => this.sides.forEach((e) => e.drawing.stage.fit(!1, !1)));
	}
	get sides() {
		return this.former ? [this.former, this.main] : [this.main];
	}
	get stage() {
		return this.main.drawing.stage;
	}
	build() {
		let { totals: e } = this.model, t = wr(this.model), r = n("select", {
			"aria-label": "Colours",
			onchange: () => this.sides.forEach(({ drawing: e }) => e.colour(t[r.selectedIndex]))
		}, ...t.map(({ label: e }) => n("option", {}, `Colour: ${e}`))), i = [e.parameters && `${Qn(e.parameters)} parameters`, e.macs && `${Qn(e.macs)} MACs`].filter(Boolean).join(" · "), a = n("header", {}, n("button", {
			type: "button",
			class: "brand",
			title: "The model as a whole",
			onclick: () => this.main.select(null)
		}, n("b", {}, this.model.name), n("span", {}, i)), this.search.element, n("div", { class: "tools" }, r, n("span", { class: "group" }, o("Close a level", "minus", () => this.openLevels(-1), "["), this.level, o("Open a level", "plus", () => this.openLevels(1), "]")), this.former && o("Side by side", "sides", () => this.showFormer(), "b"), o("See everything", "fit", () => this.fit(), "0"), o("Turn the flow", "right", () => this.turn(), "r"), o("Spec", "code", () => this.showSpec(), "y"), o("Light or dark", "moon", () => this.setDark(!this.dark), "t"), o("Keys", "help", () => this.help.showModal(), "?")));
		this.stage.element.append(this.shots), this.tellShots(), this.former && this.sides.forEach(({ drawing: e, model: t }) => e.stage.element.prepend(n("div", { class: "whose" }, t.name))), this.former?.drawing.stage.element.classList.add("former");
		let s = n("div", { class: "stages" }, ...this.sides.map(({ drawing: e }) => e.stage.element));
		this.root.replaceChildren(a, n("main", {}, this.active.spec.element, s, this.active.panel.element), this.said, this.help), this.tellLevels(), this.showFormer(!!this.former && innerWidth >= sf), this.showSpec(!this.former && innerWidth >= sf && this.model.files.length > 0);
	}
	scheme = () => this.dark ? "dark" : "light";
	selected(e) {
		this.activate(e), this.other(e)?.follow(e.drawing.name), e.drawing.name !== null && this.say(e.drawing.name);
	}
	opened(e, t, n) {
		let r = this.other(e);
		r?.drawing.index.scopes.has(t) && r.drawing.open(t, n), this.say(`${t} ${n ? "open" : "closed"}`);
	}
	inOther(e, t) {
		let n = this.other(e), r = n?.drawing.named(t);
		return r ? () => (this.showFormer(!0), n.go(r)) : null;
	}
	other(e) {
		return e === this.main ? this.former : this.main;
	}
	activate(e) {
		e !== this.active && (this.active.panel.element.replaceWith(e.panel.element), this.active.spec.element.replaceWith(e.spec.element), this.active = e);
	}
	showFormer(e = !this.root.classList.contains("side-by-side")) {
		this.root.classList.toggle("side-by-side", e), e || this.activate(this.main);
	}
	showSpec(e = !this.root.classList.contains("with-spec")) {
		this.root.classList.toggle("with-spec", e);
	}
	openLevels(e) {
		let t = this.main.drawing.depth + e;
		for (let e of this.sides) e.drawing.openLevels(t), e.refresh(), e.drawing.stage.fit(!1);
		this.tellLevels(), this.say(`${this.main.drawing.depth} of ${this.main.drawing.index.levels} levels open`);
	}
	tellLevels() {
		this.level.textContent = `${this.main.drawing.depth}/${this.main.drawing.index.levels}`;
	}
	fit() {
		this.sides.forEach(({ drawing: e }) => e.stage.fit(!0));
	}
	turn() {
		let e = !this.main.drawing.state.flat;
		this.sides.forEach(({ drawing: t }) => t.turn(e));
	}
	setDark(e) {
		this.dark = e, this.recolour(), this.sides.forEach((e) => e.refresh());
	}
	recolour() {
		document.documentElement.dataset.scheme = this.scheme(), this.sides.forEach(({ drawing: e }) => e.relook());
	}
	get picture() {
		return this.recording.at;
	}
	tellShots() {
		this.shots.hidden = !this.recording, this.recording && this.shots.replaceChildren(...Jr(this.recording, (e) => this.look(e)));
	}
	look(e) {
		this.recording.at = e, this.tellShots(), this.main.refresh(), this.stage.render(), this.shots.querySelectorAll("button")[e].focus();
	}
	anew(e) {
		this.recording.forget(e), this.gallery.forget(e), this.recording.at = e, this.tellShots(), this.main.refresh(), this.stage.render();
	}
	key(e) {
		let t = e.target;
		if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(t.tagName) || this.help.open) return;
		let n = this.sides.find(({ drawing: e }) => e.stage.canvas === t);
		if (!n && t !== document.body && (e.key === "Enter" || e.key === " " || e.key.startsWith("Arrow") && t.closest(".panel, .spec"))) return;
		let r = n ?? this.active, { stage: i } = r.drawing, a = {
			"/": () => this.search.input.select(),
			Escape: () => r.select(null),
			Enter: () => this.enter(r),
			"+": () => i.by(1.3),
			"=": () => i.by(1.3),
			"-": () => i.by(1 / 1.3),
			0: () => this.fit(),
			"[": () => this.openLevels(-1),
			"]": () => this.openLevels(1),
			b: () => this.former && this.showFormer(),
			r: () => this.turn(),
			y: () => this.showSpec(),
			t: () => this.setDark(!this.dark),
			"?": () => this.help.showModal(),
			ArrowDown: () => this.move(r, 0, 1),
			ArrowUp: () => this.move(r, 0, -1),
			ArrowLeft: () => this.move(r, -1, 0),
			ArrowRight: () => this.move(r, 1, 0)
		}[e.key];
		a && (e.preventDefault(), a());
	}
	enter(e) {
		let t = e.drawing.drawn(e.drawing.chosen);
		t?.scope && e.toggle(t.scope.scope), e.drawing.sight();
	}
	move(e, t, n) {
		let { drawing: r } = e, i = yr(r.stage.view, r.drawn(r.chosen), r.state.flat, t, n);
		i && (e.choose(i), r.stage.into(i));
	}
	say(e) {
		this.said.textContent = e;
	}
	where(e, t = !1) {
		return (t ? this.former : this.main)?.drawing.where(e) ?? null;
	}
	boxes() {
		return this.main.drawing.boxes();
	}
	shown(e = !1) {
		let t = (e ? this.former : this.main)?.drawing;
		return t ? {
			boxes: t.stage.view.boxes.length,
			frames: t.stage.view.frames.length,
			selected: t.name,
			scale: t.stage.scale
		} : null;
	}
}, lf = 1, uf = document.getElementById("explorer"), df = JSON.parse(document.getElementById("model").textContent), ff = df.version === lf ? new cf(df, uf) : null;
ff || uf.append(n("p", { class: "none" }, `This page holds description ${df.version}; its script reads ${lf}.`));
// src/main-live.ts
var pf = "your picture";
function mf() {
	let e = df.run;
	if (!ff || !e?.live) return null;
	let t = ff, n = -1, r = new l(e.live, An.start(e.live, e), () => n < 0 ? n = e.pictures.push({
		name: pf,
		picture: "",
		top: []
	}) - 1 : n, (e) => t.anew(e));
	return t.witness.silent = (i) => t.picture === n ? e.live.mask && r.hides ? `Its formula is not shown at work: part of the picture is hidden, and its inputs are filled in. ${e.live.told}` : e.live.stale.includes(i) ? "Its formula is not shown at work: its bias is another picture's." : "" : "", r.put(e.pictures[0].picture), t.stage.element.append(r.element), r;
}
var hf = mf();
Object.assign(globalThis, { explorer: {
	where: (e) => ff?.where(e) ?? null,
	shown: () => ff?.shown() ?? null,
	boxes: () => ff?.boxes() ?? [],
	busy: () => hf?.busy ?? !1,
	top: () => ff && df.run.pictures[ff.picture].top
} });
