// The aligned frame: where eyes and nose lie in what the network sees.
// The same arithmetic as efgan_tf/geometry.py.

/**
 * The similarity transform that fits best in least squares.
 *
 * @param {number[][]} points [[x, y], …]
 * @param {number[][]} targets where they should go
 * @returns {DOMMatrix} points → targets
 */
export function fitSimilarity(points, targets) {
  const z = mean(points);
  const w = mean(targets);
  let re = 0;
  let im = 0;
  let spread = 0;
  points.forEach(([x, y], i) => {
    const [px, py] = [x - z[0], y - z[1]];
    const [qx, qy] = [targets[i][0] - w[0], targets[i][1] - w[1]];
    re += px * qx + py * qy;
    im += px * qy - py * qx;
    spread += px * px + py * py;
  });
  if (!(spread > 1e-9)) throw new Error("the points are one and the same");
  re /= spread;
  im /= spread;
  return new DOMMatrix([
    re, im, -im, re,
    w[0] - re * z[0] + im * z[1],
    w[1] - im * z[0] - re * z[1],
  ]);
}

/**
 * Picture → pixels of the aligned square.
 *
 * @param {number[][]} points both eyes and the nose, in any order of the eyes
 * @param {object} facts efgan.json of the model
 */
export function alignment(points, facts) {
  const [a, b, nose] = points;
  const eyes = a[0] < b[0] ? [a, b] : [b, a];
  const template = Object.values(facts.template).map(
    ([x, y]) => [x * facts.size, y * facts.size]);
  return fitSimilarity([...eyes, nose], template);
}

function mean(points) {
  const sum = points.reduce(([a, b], [x, y]) => [a + x, b + y], [0, 0]);
  return sum.map((value) => value / points.length);
}
