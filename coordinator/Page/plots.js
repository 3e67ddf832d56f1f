// Drawings of many jobs: parallel coordinates and scatters with brushes (d3 of the system), bars and intervals without it.
import { h, isDark, look, number, setting, svg } from "./dom.js";

export const MOST_LINES = 4000;

const width = (place) => Math.max(300, place.clientWidth || 900);

/** Numbers that grow by factors are drawn on a logarithmic axis. */
export function isLog(values) {
  const positive = values.filter((value) => typeof value === "number");
  return positive.length > 1 && positive.every((value) => value > 0) && Math.max(...bounds(positive)) / Math.min(...bounds(
    positive)) >= 9.9;
}

function bounds(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  return [low, high];
}

/** A scale for a column: numbers, logarithms or names. */
function scaleOf(d3, values, from, to, log) {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length > 0 && numbers.length >= values.filter((value) => value !== null).length) {
    let [low, high] = bounds(numbers);
    if (low === high)[low, high] = low > 0 && log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const scale = (log ? d3.scale.log() : d3.scale.linear()).domain([low, high]).range([from, to]);
    return { scale, kind: "number", at: (value) => (typeof value === "number" && (!log || value > 0) ? scale(value) : null) };
  }
  const names = [...new Set(values.filter((value) => value !== null).map(String))].sort().slice(0, 60);
  const scale = d3.scale.ordinal().domain(names).rangePoints([from, to], 1);
  return { scale, kind: "name", names, at: (value) => (value === null ? null : scale(String(value)) ?? null) };
}

/** Sharp on every screen. */
function canvasOf(wide, high) {
  const ratio = globalThis.devicePixelRatio || 1;
  const canvas = h("canvas", { width: String(Math.round(wide * ratio)), height: String(Math.round(high *
    ratio)), "aria-hidden": "true", css: { width: `${wide}px`, height: `${high}px` } });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return [canvas, pen];
}

const ticks = (axis, kind, log) => (kind === "number" ? axis.ticks(log ? 4 : 6).tickFormat((value) => (log && !/^[125]/.test(value
  .toExponential()) ? "" : number(value, 3))) : axis);

// From low to high, told apart in grey too; on a dark page the other way round.
const SHADES = ["#e0b84f", "#86b875", "#2f9587", "#266a92", "#3a2f74"];
const DARK_SHADES = ["#8b7be0", "#4f9bd0", "#3fb8a0", "#9fd07f", "#f5dd7a"];

/**
 * Parallel coordinates. `columns` is a list of {name, values}; `brushed(name, [low, high] | [names] | null)` hears what was chosen.
 * `isIn` tells of each row whether all choices leave it in; `colour` is the column that lines take their colours from.
 */
export function parallel(d3, place, columns, isIn, colour, choices, brushed) {
  const [wide, high, top, bottom] = [Math.max(width(place), columns.length * 92), 340, 34, 14];
  const [left, right] = [46, 46];
  const gap = columns.length > 1 ? (wide - left - right) / (columns.length - 1) : 0;
  const axes = columns.map((column, index) => {
    const log = isLog(column.values);
    return { ...column, log, x: left + index * gap, ...scaleOf(d3, column.values, high - bottom, top, log) };
  });
  const [canvas, pen] = canvasOf(wide, high);
  const count = columns[0]?.values.length ?? 0;
  const shade = colour && colour.values.some((value) => typeof value === "number") ?
    d3.scale.quantile().domain(colour.values.filter((value) => typeof value === "number")).range(isDark() ? DARK_SHADES : SHADES) :
    null;
  const draw = (rows, style) => {
    for (const row of rows) {
      pen.beginPath();
      let isOpen = false;
      for (const axis of axes) {
        const y = axis.at(axis.values[row]);
        if (y === null) { isOpen = false; continue; }
        if (isOpen) pen.lineTo(axis.x, y);
        else pen.moveTo(axis.x, y);
        isOpen = true;
      }
      pen.strokeStyle = style(row);
      pen.stroke();
    }
  };
  const [inside, outside] = [
    [],
    []
  ];
  for (let row = 0; row < count; row += 1)(isIn[row] ? inside : outside).push(row);
  const sample = (rows, most) => (rows.length <= most ? rows : rows.filter((_, index) => Math.floor(index * most / rows.length) !==
    Math.floor((index - 1) * most / rows.length)));
  pen.lineWidth = 1;
  pen.globalAlpha = 0.12;
  draw(sample(outside, 1000), () => "#8a8a8a");
  const shown = sample(inside, MOST_LINES);
  pen.globalAlpha = Math.max(0.15, Math.min(0.95, 8 / Math.sqrt(shown.length + 1)));
  draw(shown, (row) => (shade && typeof colour.values[row] === "number" ? shade(colour.values[row]) : shade ? "#8a8a8a" : look(0)
    .colour));

  const layer = svg("svg", { width: String(wide), height: String(high), class: "axes",
  role: "group", "aria-label": `Parallel coordinates of ${count} jobs` });
  for (const axis of axes) {
    const group = d3.select(layer).append("g").attr("class", "axis").attr("transform", `translate(${axis.x},0)`);
    group.call(ticks(d3.svg.axis().scale(axis.scale).orient("left"), axis.kind, axis.log));
    group.append("text").attr("class", "name").attr("y", 14).attr("text-anchor", "middle").text(short(axis.name)).append("title")
      .text(axis.name);
    const brush = d3.svg.brush().y(axis.scale).on("brushend", () => {
      if (!d3.event.sourceEvent) return;
      if (brush.empty()) { brushed(axis.name, null); return; }
      const extent = brush.extent();
      if (axis.kind === "number") brushed(axis.name, extent);
      else brushed(axis.name, axis.names.filter((name) => axis.scale(name) >= extent[0] && axis.scale(name) <= extent[1]));
    });
    const chosen = choices[axis.name];
    if (axis.kind === "number" && chosen && typeof chosen[0] === "number") {
      brush.extent([Math.max(chosen[0], axis.scale.domain()[0]), Math.min(chosen[1], axis.scale.domain()[1])]);
    } else if (axis.kind === "name" && chosen) {
      const places = chosen.map((name) => axis.scale(name)).filter((y) => y !== undefined);
      if (places.length > 0) brush.extent([Math.min(...places) - 8, Math.max(...places) + 8]);
    }
    const brushing = group.append("g").attr("class", "brush").call(brush);
    brushing.selectAll("rect").attr("x", -11).attr("width", 22);
  }
  place.replaceChildren(h("div", { class: "layers", css: { width: `${wide}px`, height: `${high}px` } }, canvas, layer));
  return inside.length > shown.length ? `${number(shown.length)} of ${number(inside.length)} lines are drawn` :
    `${number(inside.length)} jobs`;
}

const short = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);

/**
 * A scatter of `y` against `x`, with a brush over both. `dim` rows are drawn faintly; `front` is a list of row numbers that are joined.
 */
export function scatter(d3, place, x, y, isIn, brushed, options = {}) {
  const [wide, high] = [Math.min(width(place), 900), 340];
  const [left, bottom, top, right] = [64, 40, 12, 14];
  const [logX, logY] = [options.logX ?? isLog(x.values), options.logY ?? isLog(y.values)];
  const across = scaleOf(d3, x.values, left, wide - right, logX);
  const up = scaleOf(d3, y.values, high - bottom, top, logY);
  const [canvas, pen] = canvasOf(wide, high);
  const spots = [];
  for (let row = 0; row < x.values.length; row += 1) {
    const [cx, cy] = [across.at(x.values[row]), up.at(y.values[row])];
    if (cx !== null && cy !== null) spots.push([row, cx + (across.kind === "name" ? ((row * 7919) % 17) - 8 : 0), cy]);
  }
  const faint = spots.filter(([row]) => !isIn[row]);
  const strong = spots.filter(([row]) => isIn[row]);
  const radius = strong.length > 5000 ? 1.6 : strong.length > 500 ? 2.4 : 3.6;
  pen.globalAlpha = 0.18;
  pen.fillStyle = "#8a8a8a";
  for (const [, cx, cy] of faint) pen.fillRect(cx - 1, cy - 1, 2, 2);
  pen.globalAlpha = strong.length > 5000 ? 0.35 : 0.75;
  pen.fillStyle = look(0).colour;
  for (const [row, cx, cy] of strong) {
    if (options.dim?.[row]) { pen.globalAlpha = 0.25; } else { pen.globalAlpha = strong.length > 5000 ? 0.35 : 0.8; }
    if (strong.length > 5000) { pen.fillRect(cx - 1, cy - 1, 2, 2); continue; }
    pen.beginPath();
    pen.arc(cx, cy, radius, 0, 7);
    pen.fill();
  }
  const layer = svg("svg", { width: String(wide), height: String(high), class: "axes",
  role: "img", "aria-label": `${y.name} against ${x.name}, ${strong.length} points` });
  const pick = d3.select(layer);
  pick.append("g").attr("class", "axis").attr("transform", `translate(0,${high - bottom})`)
    .call(ticks(d3.svg.axis().scale(across.scale).orient("bottom"), across.kind, logX));
  pick.append("g").attr("class", "axis").attr("transform", `translate(${left},0)`)
    .call(ticks(d3.svg.axis().scale(up.scale).orient("left"), up.kind, logY));
  pick.append("text").attr("class", "name").attr("x", (left + wide - right) / 2).attr("y", high - 6).attr("text-anchor", "middle")
    .text(x.title ?? x.name);
  pick.append("text").attr("class", "name").attr("transform", `translate(13,${(high - bottom + top) / 2}) rotate(-90)`).attr(
    "text-anchor", "middle").text(y.title ?? y.name);
  if (options.front) {
    const line = options.front.map((row) => spots.find(([known]) => known === row)).filter(Boolean).sort((a, b) => a[1] - b[1]);
    pick.append("path").attr("class", "front").attr("d", line.map(([, cx, cy], index) => `${index ? "L" : "M"}${cx},${cy}`).join(
      ""));
    for (const [row, cx, cy] of line) {
      pick.append("circle").attr("class", "front").attr("cx", cx).attr("cy", cy).attr("r", 4.5).append("title").text(options.label?.
        (row) ?? "");
      if (line.length <= 12) pick.append("text").attr("class", "spot").attr("x", cx + 7).attr("y", cy - 6).text(options.mark?.(
        row) ?? "");
    }
  }
  if (brushed) {
    const brush = d3.svg.brush().x(across.scale).y(up.scale).on("brushend", () => {
      if (!d3.event.sourceEvent) return;
      const extent = brush.extent();
      const part = (axis, low, high) => (axis.kind === "number" ? [low, high] : axis.names.filter((name) => axis.scale(name) >=
        low && axis.scale(name) <= high));
      if (brush.empty()) brushed(null);
      else brushed({
        [x.name]: part(across, extent[0][0], extent[1][0]), [y.name]: part(up, extent[0][1], extent[1][1]) });
    });
    pick.append("g").attr("class", "brush").call(brush);
  }
  place.replaceChildren(h("div", { class: "layers", css: { width: `${wide}px`, height: `${high}px` } }, canvas, layer));
}

/** Bars as a table: names, numbers, and a bar that says the same. */
export function bars(rows, title) {
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), 1e-12);
  return h("table", { class: "bars" }, h("caption", {}, title), h("tbody", {}, rows.map((row) => h("tr", {},
    h("th", { scope: "row" }, row.name), h("td", { class: "bar-cell" }, h("span", { class: "bar",
      css: { width: `${100 * Math.abs(row.value) / most}%` } })),
    h("td", { class: "number" }, row.text ?? number(row.value, 3))))));
}

/** An interval on a common scale, beside its number. */
export function interval({ value, low, high }, [from, to]) {
  const [wide, tall] = [150, 16];
  const x = (at) => 4 + (wide - 8) * (to === from ? 0.5 : (at - from) / (to - from));
  const drawing = svg("svg", { width: String(wide), height: String(tall), class: "interval", role: "img", "aria-label": low ===
      undefined || low === null ? setting(value) : `${number(value)}, from ${number(low)} to ${number(high)}` });
  drawing.append(svg("line", { x1: "4", x2: String(wide - 4), y1: "8", y2: "8", class: "rail" }));
  if (low !== undefined && low !== null) {
    drawing.append(svg("line", { x1: String(x(Math.max(low, from))), x2: String(x(Math.min(high, to))), y1: "8", y2: "8",
      class: "range" }));
  }
  drawing.append(svg("circle", { cx: String(x(value)), cy: "8", r: "4", class: "value" }));
  return drawing;
}
