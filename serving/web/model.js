// A .tflite file of efgan_tf.export in LiteRT's WebAssembly runtime.

import {loadAndCompile, loadLiteRt, Tensor} from "@litertjs/core";

const WASM = new URL(
  "./node_modules/@litertjs/core/wasm/", import.meta.url).href;

// LiteRT tells everything as an error; what is none is told as what it is.
const complain = console.error.bind(console);
console.error = (...told) => {
  const note = /^(INFO|WARNING|VERBOSE)\b/.test(String(told[0]));
  (note ? console.debug : complain)(...told);
};

/** A loaded model; its `facts` are the file's efgan.json. */
export class Model {
  constructor(compiled, facts) {
    this.compiled = compiled;
    this.facts = facts;
  }

  /** @param {string} url of the .tflite file */
  static async load(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}; see README.md`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const facts = readFacts(bytes);
    await loadLiteRt(WASM);
    const compiled = await loadAndCompile(bytes, {accelerator: "wasm"});
    return new Model(compiled, facts);
  }

  /** What a face shows: [17], 0–5. */
  async estimate(face) {
    const {action_units: units} = await this.run("estimate", {
      image: this.image(face)});
    return Array.from(units);
  }

  /** The face with another expression, as a picture. */
  async edit(face, source, wanted) {
    const {image} = await this.run("edit_from", {
      image: this.image(face),
      source_action_units: new Tensor(Float32Array.from(source), [1, 17]),
      action_units: new Tensor(Float32Array.from(wanted), [1, 17]),
    });
    const {size} = this.facts;
    const pixels = new ImageData(size, size);
    for (let i = 0; i < size * size; i++) {
      for (let c = 0; c < 3; c++) {
        pixels.data[4 * i + c] = Math.round(255 * image[3 * i + c]);
      }
      pixels.data[4 * i + 3] = 255;
    }
    return pixels;
  }

  image(pixels) {
    const {size} = this.facts;
    const values = new Float32Array(size * size * 3);
    for (let i = 0; i < size * size; i++) {
      for (let c = 0; c < 3; c++) {
        values[3 * i + c] = pixels.data[4 * i + c] / 255;
      }
    }
    return new Tensor(values, [1, size, size, 3]);
  }

  // Tensors live in WebAssembly's memory, which nobody tidies up for us.
  async run(signature, inputs) {
    const outputs = await this.compiled.run(signature, inputs);
    const values = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      values[name] = Float32Array.from(tensor.toTypedArray());
      tensor.delete();
    }
    for (const tensor of Object.values(inputs)) tensor.delete();
    return values;
  }
}

/** The metadata entry efgan.json of a TFLite file, which is a FlatBuffer. */
export function readFacts(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at) => view.getUint32(at, true);
  const follow = (at) => at + u32(at);
  // Where a table's field is, or 0 if it is not there.
  const field = (table, index) => {
    const vtable = table - view.getInt32(table, true);
    const slot = 4 + 2 * index;
    if (slot >= view.getUint16(vtable, true)) return 0;
    const offset = view.getUint16(vtable + slot, true);
    return offset ? table + offset : 0;
  };
  const text = (at) => new TextDecoder().decode(
    bytes.subarray(at + 4, at + 4 + u32(at)));
  const tables = (at) => Array.from(
    {length: u32(at)}, (_, i) => follow(at + 4 + 4 * i));

  const identifier = new TextDecoder().decode(bytes.subarray(4, 8));
  if (identifier !== "TFL3") throw new Error("this is no TFLite file");
  // Fields of schema.fbs: Model.buffers 4, Model.metadata 6; Metadata.name 0,
  // Metadata.buffer 1; Buffer.data 0.
  const model = follow(0);
  const [buffers, metadata] = [4, 6].map((index) => field(model, index));
  for (const entry of metadata ? tables(follow(metadata)) : []) {
    if (text(follow(field(entry, 0))) !== "efgan.json") continue;
    const buffer = tables(follow(buffers))[u32(field(entry, 1))];
    return JSON.parse(text(follow(field(buffer, 0))));
  }
  throw new Error("the file holds no efgan.json: export it with efgan_tf");
}
