// Shows the pictures of `props` without a new layout, so that the view and the
// place of the wipe stay as they are while sliders move.
const frames = element.querySelector(".frames");
const photo = element.querySelector("img.photo");
const edit = element.querySelector("img.edit");
const wipe = element.querySelector("input[type=range]");

function show() {
  if (!props.value) return;
  photo.src = props.photo;
  edit.src = props.value;
}

function place() {
  frames.style.setProperty("--wipe", wipe.value);
}

photo.addEventListener("load", () => {
  const ratio = photo.naturalWidth / photo.naturalHeight;
  frames.style.setProperty("--ratio", ratio);
  frames.classList.toggle("wide", ratio > 1.2);
});
wipe.addEventListener("input", place);
element.querySelectorAll("input[type=radio]").forEach((choice) =>
  choice.addEventListener("change", () => {
    frames.dataset.view = choice.value;
  }),
);
watch(["value", "photo"], show);
place();
show();
