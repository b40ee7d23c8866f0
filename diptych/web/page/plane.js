// Points of a plane on a canvas: drawn with pictures where there is room, moved, enlarged, and pointed at.
const EDGE = 36;
/** Pixels of a picture, and of the cell of the canvas that it has to itself. */
const [PICTURE, CELL] = [48, 64];
/** The most pictures that are drawn at a time. */
const PICTURES = 80;
const DOT = 4;
/** Pixels within which a point is pointed at, and within which a pointer stays where it was. */
const [NEAR, STILL] = [28, 4];
const [WHOLE, CLOSEST] = [1, 40];
const STEP = 1.5;

/**
 * Draw points, each with `x`, `y` and `thumbnail`, on a canvas; return functions that draw anew and that enlarge. `colour`
 * returns the colour of a point and `picture` its image element; `pointed` is called with a point and its place, or
 * null, and `opened` with a point.
 */
export function drawPlane(canvas, points, { colour, picture, pointed, opened }) {
  const view = { scale: WHOLE, left: 0, top: 0 };
  const shares = fitted(points);
  let at = null;
  const place = point => {
    const [across, down] = shares(point);
    return [EDGE + across * (canvas.clientWidth - 2 * EDGE) * view.scale + view.left,
      EDGE + down * (canvas.clientHeight - 2 * EDGE) * view.scale + view.top];
  };
  const draw = () => paint(canvas, points.map(point => [point, ...place(point)]), { colour, picture, at: at && place(at) });
  const show = next => {
    at = next;
    pointed(at, at && place(at));
    draw();
  };
  const zoom = (factor, [x, y] = [canvas.clientWidth / 2, canvas.clientHeight / 2]) => {
    const scale = Math.min(Math.max(view.scale * factor, WHOLE), CLOSEST);
    const ratio = scale / view.scale;
    const [left, top] = [x - EDGE - (x - EDGE - view.left) * ratio, y - EDGE - (y - EDGE - view.top) * ratio];
    Object.assign(view, scale === WHOLE ? { scale, left: 0, top: 0 } : { scale, left, top });
    show(at);
  };
  const move = (x, y) => {
    Object.assign(view, { left: view.left + x, top: view.top + y });
    show(at);
  };
  const nearest = ([x, y], within, among = points) => {
    const far = among.map(point => Math.hypot(place(point)[0] - x, place(point)[1] - y));
    const least = far.reduce((best, value, each) => value < far[best] ? each : best, 0);
    return far[least] <= within ? among[least] : null;
  };
  listenForPointer(canvas, { nearest, show, zoom, move, opened });
  listenForMapKeys(canvas, { points, place, now: () => at, nearest, show, zoom, opened });
  new ResizeObserver(draw).observe(canvas);
  return { draw, enlarge: () => zoom(STEP), shrink: () => zoom(1 / STEP) };
}

/** Return a function that gives a point's share of the width and, from above, of the height. */
function fitted(points) {
  const along = name => {
    const [least, most] = points.reduce(([low, high], each) => [Math.min(low, each[name]), Math.max(high, each[name])], [Infinity, -Infinity]);
    return value => most > least ? (value - least) / (most - least) : 0.5;
  };
  const [across, up] = [along("x"), along("y")];
  return ({ x, y }) => [across(x), 1 - up(y)];
}

function paint(canvas, placed, { colour, picture, at }) {
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const taken = new Map();
  for (const each of placed) {
    const [point, x, y] = each;
    if (x < -CELL || y < -CELL || x > width + CELL || y > height + CELL) continue;
    const cell = `${Math.floor(x / CELL)} ${Math.floor(y / CELL)}`;
    if (point.thumbnail && taken.size < PICTURES && !taken.has(cell)) taken.set(cell, each);
    else dot(pen, x, y, colour(point));
  }
  for (const [point, x, y] of taken.values()) framed(pen, picture(point), x, y, colour(point));
  if (!at) return;
  circle(pen, ...at, PICTURE * 0.7);
  Object.assign(pen, { lineWidth: 3, strokeStyle: getComputedStyle(canvas).color });
  pen.stroke();
}

function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

function dot(pen, x, y, colour) {
  pen.fillStyle = colour;
  circle(pen, x, y, DOT);
  pen.fill();
}

/** Draw the middle square of a picture in a frame; a dot until it is loaded. */
function framed(pen, image, x, y, colour) {
  if (!image?.complete || !image.naturalWidth) return dot(pen, x, y, colour);
  const side = Math.min(image.naturalWidth, image.naturalHeight);
  const [left, top] = [(image.naturalWidth - side) / 2, (image.naturalHeight - side) / 2];
  pen.fillStyle = colour;
  pen.fillRect(x - PICTURE / 2 - 2, y - PICTURE / 2 - 2, PICTURE + 4, PICTURE + 4);
  pen.drawImage(image, left, top, side, side, x - PICTURE / 2, y - PICTURE / 2, PICTURE, PICTURE);
}

function listenForPointer(canvas, { nearest, show, zoom, move, opened }) {
  let from = null;
  const spot = ({ clientX, clientY }) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  canvas.addEventListener("pointerdown", event => {
    from = { last: spot(event), moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    const now = spot(event);
    if (!from) return show(nearest(now, NEAR));
    const [x, y] = [now[0] - from.last[0], now[1] - from.last[1]];
    if (!from.moved && Math.hypot(x, y) <= STILL) return;
    move(x, y);
    Object.assign(from, { last: now, moved: true });
  });
  canvas.addEventListener("pointerup", event => {
    const point = from && !from.moved && nearest(spot(event), NEAR);
    from = null;
    if (!point) return;
    show(point);
    opened(point);
  });
  canvas.addEventListener("pointercancel", () => { from = null; });
  canvas.addEventListener("pointerleave", () => from || show(null));
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, spot(event));
  }, { passive: false });
}

/** Lead from point to point by arrow keys: to the nearest that is more in that direction than beside it. */
function listenForMapKeys(canvas, { points, place, now, nearest, show, zoom, opened }) {
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  canvas.addEventListener("focus", () => {
    if (!now() && canvas.matches(":focus-visible")) show(nearest([canvas.clientWidth / 2, canvas.clientHeight / 2], Infinity));
  });
  canvas.addEventListener("keydown", event => {
    const way = ways[event.key];
    const factor = { "+": STEP, "=": STEP, "-": 1 / STEP, 0: 1 / CLOSEST }[event.key];
    if (factor) zoom(factor);
    else if (event.key === "Enter" && now()) opened(now());
    else if (way && now()) {
      const here = place(now());
      const there = points.filter(point => {
        const [x, y] = [place(point)[0] - here[0], place(point)[1] - here[1]];
        return x * way[0] + y * way[1] > Math.abs(x * way[1] + y * way[0]);
      });
      if (there.length) show(nearest(here, Infinity, there));
    } else return;
    event.preventDefault();
  });
}
