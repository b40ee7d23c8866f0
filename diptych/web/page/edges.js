// Tells pictures that stand on white, as transparent ones are drawn, from photographs that fill their frame.
const SIDE = 16;
const WHITE = 250;

/** Return whether the edge of a loaded picture is white, as it shows at 16 x 16 pixels. */
export function hasWhiteEdge(image) {
  const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const pen = small.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, SIDE, SIDE);
  pen.drawImage(image, 0, 0, SIDE, SIDE);
  const { data } = pen.getImageData(0, 0, SIDE, SIDE);
  const isEdge = pixel => [pixel % SIDE, Math.floor(pixel / SIDE)].some(place => place === 0 || place === SIDE - 1);
  return data.every((value, place) => value >= WHITE || !isEdge(Math.floor(place / 4)));
}
