// The page: a photo or the camera, a slider for each action unit.

import {alignment} from "./frame.js";
import {Model} from "./model.js";

const NAMES = {
  AU01: "inner brow up", AU02: "outer brow up", AU04: "brow down",
  AU05: "upper lid up", AU06: "cheek up", AU07: "lid tight",
  AU09: "nose wrinkle", AU10: "upper lip up", AU12: "smile", AU14: "dimple",
  AU15: "corners down", AU17: "chin up", AU20: "lip stretch",
  AU23: "lip tight", AU25: "lips part", AU26: "jaw down", AU45: "blink",
};
const POINTS = ["one eye", "the other eye", "the tip of the nose"];

const find = (id) => document.getElementById(id);
const view = find("view");
const pen = view.getContext("2d");
const state = {
  model: null, picture: null, points: null, toFace: null, source: null,
  wanted: null, camera: null, busy: false, again: false, skipped: 0,
};

function say(text) {
  find("status").textContent = text;
}

async function start() {
  const url = new URLSearchParams(location.search).get("model");
  state.model = await Model.load(url ?? "model.tflite");
  const {size, quantization} = state.model.facts;
  for (const id of ["face", "edited"]) {
    find(id).width = find(id).height = size;
  }
  makeSliders();
  for (const id of ["photo", "camera"]) find(id).disabled = false;
  say(`Ready: ${quantization}, ${size} pixels. Choose a photo.`);
}

function makeSliders() {
  const {action_units: units, learned} = state.model.facts;
  units.forEach((unit, index) => {
    const label = document.createElement("label");
    const name = document.createElement("span");
    const slider = document.createElement("input");
    const value = document.createElement("output");
    name.textContent = `${unit} ${NAMES[unit] ?? ""}`;
    Object.assign(slider, {
      type: "range", min: 0, max: 5, step: 0.1, value: 0, id: unit,
      disabled: true,
    });
    slider.addEventListener("input", () => {
      state.wanted[index] = Number(slider.value);
      value.textContent = slider.value;
      edit();
    });
    label.append(name, slider, value);
    label.hidden = !learned.includes(unit);
    find("sliders").append(label);
  });
}

function showWanted() {
  state.model.facts.action_units.forEach((unit, index) => {
    const slider = find(unit);
    slider.disabled = false;
    slider.value = state.wanted[index];
    slider.nextElementSibling.textContent = Number(slider.value).toFixed(1);
  });
  find("reset").disabled = false;
}

/** Shows a picture; asks for its points unless it is an aligned face. */
async function open(picture) {
  stopCamera();
  forget();
  state.picture = picture;
  [view.width, view.height] = [picture.width, picture.height];
  pen.drawImage(picture, 0, 0);
  const {size} = state.model.facts;
  if (picture.width === size && picture.height === size) {
    await meet(new DOMMatrix());
  } else {
    state.points = [];
    say(`Click ${POINTS[0]}.`);
  }
}

/** Nothing is known of the picture that comes next. */
function forget() {
  Object.assign(state, {
    picture: null, points: null, toFace: null, source: null});
  for (const slider of find("sliders").querySelectorAll("input")) {
    slider.disabled = true;
  }
  find("reset").disabled = true;
}

view.addEventListener("click", async (event) => {
  if (!state.points) return; // none is asked for
  const box = view.getBoundingClientRect();
  state.points.push([
    (event.clientX - box.left) * view.width / box.width,
    (event.clientY - box.top) * view.height / box.height,
  ]);
  if (state.points.length < 3) {
    say(`Click ${POINTS[state.points.length]}.`);
    return;
  }
  const points = state.points;
  state.points = null;
  try {
    await meet(alignment(points, state.model.facts));
  } catch (error) {
    state.points = [];
    say(`${error.message}; click ${POINTS[0]}.`);
  }
});

/** A face whose place is known: what does it show? */
async function meet(toFace) {
  state.busy = true; // frames that come now are skipped
  try {
    state.toFace = toFace;
    state.source = await state.model.estimate(cutOut());
    state.wanted = [...state.source];
    showWanted();
  } finally {
    state.busy = false;
  }
  await edit();
}

/** The aligned square. */
function cutOut() {
  const {size} = state.model.facts;
  const context = find("face").getContext("2d", {willReadFrequently: true});
  context.globalCompositeOperation = "copy"; // nothing of the last face
  context.setTransform(state.toFace);
  context.imageSmoothingQuality = "high";
  context.drawImage(state.picture, 0, 0);
  return context.getImageData(0, 0, size, size);
}

/** Edits what is there now; while that lasts, further wishes are one. */
async function edit() {
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  try {
    do {
      state.again = false;
      await editOnce();
    } while (state.again);
  } finally {
    state.busy = false;
  }
}

async function editOnce() {
  const begin = performance.now();
  const {picture, source, wanted} = state;
  const edited = await state.model.edit(cutOut(), source, wanted);
  if (state.picture !== picture) return; // another one was opened meanwhile
  find("edited").getContext("2d").putImageData(edited, 0, 0);
  draw();
  const time = Math.round(performance.now() - begin);
  const skipped = state.camera ? `, ${state.skipped} frames skipped` : "";
  say(`Edited in ${time} ms${skipped}.`);
}

/** The picture with the edited square in its place, its edge soft. */
function draw() {
  const {size} = state.model.facts;
  const soft = new OffscreenCanvas(size, size);
  const context = soft.getContext("2d");
  const edge = size / 16;
  context.filter = `blur(${edge / 2}px)`;
  context.fillRect(edge, edge, size - 2 * edge, size - 2 * edge);
  context.filter = "none";
  context.globalCompositeOperation = "source-in";
  context.drawImage(find("edited"), 0, 0);
  pen.drawImage(state.picture, 0, 0);
  pen.save();
  pen.setTransform(state.toFace.inverse());
  pen.drawImage(soft, 0, 0);
  pen.restore();
}

find("photo").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  try {
    await open(await createImageBitmap(file));
  } catch (error) {
    say(`${file.name} cannot be shown: ${error.message}`);
  }
});

find("reset").addEventListener("click", () => {
  state.wanted = [...state.source];
  showWanted();
  edit();
});

find("camera").addEventListener("click", async () => {
  if (state.camera) {
    stopCamera();
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: {width: 640, height: 480, facingMode: "user"}});
    const video = document.createElement("video");
    Object.assign(video, {srcObject: stream, muted: true, playsInline: true});
    await video.play();
    find("camera").textContent = "Stop";
    forget();
    Object.assign(state, {camera: video, skipped: 0});
    follow(video);
  } catch (error) {
    say(`There is no camera: ${error.message}`);
  }
});

/** Frames that come while one is edited are skipped, not queued. */
function follow(video) {
  video.requestVideoFrameCallback(async () => {
    if (state.camera !== video) return;
    follow(video);
    if (state.busy) {
      state.skipped++;
      return;
    }
    state.picture = framed(video);
    if (state.source) {
      await edit();
    } else {
      const {size} = state.model.facts;
      await meet(new DOMMatrix().scale(size / view.width));
    }
    if (state.camera === video) guide();
  });
}

/** The middle of a frame, mirrored, as large as the view. */
function framed(video) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  const square = new OffscreenCanvas(side, side);
  [view.width, view.height] = [side, side];
  const context = square.getContext("2d");
  context.scale(-1, 1);
  context.drawImage(
    video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2,
    side, side, -side, 0, side, side);
  return square;
}

/** Where eyes and nose belong: there is no face detector in this page. */
function guide() {
  pen.strokeStyle = "#ffd33d";
  for (const [x, y] of Object.values(state.model.facts.template)) {
    pen.beginPath();
    pen.arc(x * view.width, y * view.height, view.width / 40, 0, 2 * Math.PI);
    pen.stroke();
  }
}

function stopCamera() {
  if (!state.camera) return;
  for (const track of state.camera.srcObject.getTracks()) track.stop();
  state.camera = null;
  find("camera").textContent = "Camera";
}

start().catch((error) => say(`The model cannot be loaded: ${error.message}`));
