// The gallery's page: what is shown of the channels in data.js, and in which order. No framework, and no
// request but for pictures, so that it works from a file:// address. Text from the data is only ever set as text.
"use strict";

const data = window.GALLERY;
const at = (id) => document.getElementById(id);
const AT_ONCE = 60; // channels that are added when the end of the list comes near
const WORDS = ["max", "mean", "fires", "sel", "rarity", "striking"];
const KEYS = [
  ["← → ↑ ↓, h l k j", "one channel to that side; in the large view one picture back or on"],
  ["[ ]", "the layer below, the layer above"],
  ["/", "to the search"],
  ["> ,", "sort by the next statistic"],
  ["<", "sort by the one before"],
  ["z, enter", "the channel, large; again to close"],
  ["PgUp PgDn", "in the large view the channel before, the next one"],
  ["b", "whole images with a box around what the unit saw"],
  ["p", "projections, what they saw, or both"],
  ["g G, Home End", "to the first, to the last"],
  ["y", "copy the command that makes this channel's figure"],
  ["?", "this help"],
  ["esc", "close; or end the search"],
];

// -- the channels as the data has them --------------------------------------------------------------

const channels = data.stages.flatMap((stage) =>
  stage.channels.map((one) => ({ ...one, stage, name: `${stage.name}:${one.n}` })));
const byName = new Map(channels.map((one) => [one.name, one]));
const classOf = (number) => (number === null || number === undefined ? "" : data.classes[number]);
const imageOf = (unit) => data.images[unit[0]];
const liked = (one) => (one.ideal && one.ideal.length ? one.ideal : []); // activations on its ideal images
const anyIdeal = channels.some((one) => liked(one).length);

for (const one of channels) {
  const seen = one.units.flatMap((unit) => [imageOf(unit)[0], classOf(imageOf(unit)[1])]);
  one.best = classOf(one.best);
  one.text = [one.name, one.best, one.stands || "", ...seen].join("\n").toLowerCase();
}

// -- state, and what follows from it ------------------------------------------------------------------

const state = { layer: "", search: "", class: "", sort: "n", down: true, show: "both" };
let list = []; // the channels that are shown, in their order
let drawn = 0; // how many of them have a card
let current = 0; // the place of the card that Tab reaches
let open = null; // what the large view shows: { channel, unit }

function numberOf(one, key) {
  return key === "fires" ? 100 * one.fires : one[key];
}

// A word of the search as a test of a channel, as in the explorer's filter; null while it is being typed.
function testOf(word) {
  let found;
  if (word === "dead" || word === "alive") return (one) => one.max <= 0 === (word === "dead");
  if (word === "ideal" && anyIdeal) return (one) => liked(one).length > 0;
  if (word.startsWith("class:")) {
    return (one) => [one.best, one.stands || ""].some((name) => name.toLowerCase().includes(word.slice(6)));
  }
  if ((found = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(word))) {
    const [first, last] = [Number(found[1]), Number(found[2] || found[1])];
    return (one) => first <= one.n && one.n <= last;
  }
  if ((found = /^([a-z]+)(<=|>=|<|>)(-?\d+\.?\d*|-?\.\d+)$/.exec(word)) && WORDS.includes(found[1])) {
    const bound = Number(found[3]);
    return (one) => {
      const value = numberOf(one, found[1]);
      if (value === null || value === undefined) return false;
      if (found[2] === "<") return value < bound;
      if (found[2] === ">") return value > bound;
      return found[2] === "<=" ? value <= bound : value >= bound;
    };
  }
  if (/^[a-z]+(<|>)=?-?$/.test(word) || /^\d{1,6}-$/.test(word)) return null;
  return (one) => one.text.includes(word);
}

function choose() {
  const tests = state.search.toLowerCase().split(/\s+/).filter(Boolean).map(testOf).filter(Boolean);
  if (state.layer) tests.push((one) => one.stage.name === state.layer);
  if (state.class) tests.push((one) => one.best === state.class || one.stands === state.class);
  list = channels.filter((one) => tests.every((test) => test(one)));
  if (state.sort !== "n") {
    const last = state.down ? -Infinity : Infinity; // what has no value, or never fires, comes last
    const value = (one) => (one.max <= 0 || one[state.sort] === null ? last : one[state.sort]);
    const sign = state.down ? -1 : 1;
    list.sort((one, other) => sign * Math.sign(value(one) - value(other) || 0));
  } else if (!state.down) list.reverse();
}

// -- drawing ------------------------------------------------------------------------------------------

function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const short = (value) => (value === null || value === undefined ? "" : String(Number(value.toPrecision(4))));
const percent = (share) => `${Number((100 * share).toPrecision(2))} %`;
const told = (key, value) => (key === "fires" || key === "rarity" ? percent(value) : short(value));
const sprite = (one) => `channels/${encodeURIComponent(one.name.replace(":", "-"))}.webp`;
const idealStrip = (one) => `ideals/${encodeURIComponent(one.name.replace(":", "-"))}.webp`;
const photograph = (unit) => `images/${unit[0]}.webp`;

function whole(unit, box, lazy = true) {
  const frame = made("span", { class: "whole" },
    made("img", { src: photograph(unit), alt: "", loading: lazy ? "lazy" : undefined, decoding: "async" }));
  if (box && unit.length > 4) {
    const [y0, x0, y1, x1] = unit.slice(4, 8).map((edge) => (100 * edge) / data.size);
    const line = made("i");
    Object.assign(line.style, {
      left: `${x0}%`, top: `${y0}%`, width: `${x1 - x0}%`, height: `${y1 - y0}%`,
    });
    frame.append(line);
  }
  return frame;
}

function picturesOf(one) {
  const count = liked(one).length;
  const ideals = count && ["both", "ideals"].includes(state.show)
    ? [made("img", { class: "strip", src: idealStrip(one), alt: "", loading: "lazy", decoding: "async" })] : [];
  if (count) ideals.forEach((strip) => { strip.style.aspectRatio = String(count + ((count - 1) * one.stage.gap) / one.stage.tile); });
  if (state.show === "ideals") return count ? ideals : [made("span", { class: "none" }, "no ideal image")];
  return [...strongest(one), ...ideals];
}

function strongest(one) { // the pictures of its strongest units
  if (!one.units.length) return [made("span", { class: "none" }, one.max > 0 ? "unreadable" : "dead")];
  const half = (side) => made("img", {
    class: `half ${side}`, src: sprite(one), alt: "", loading: "lazy", decoding: "async",
  });
  const wholes = () => made("span", { class: "mosaic" }, ...one.units.map((unit) => whole(unit, true)));
  if (one.stage.kind === "fc") return [wholes()];
  const both = { both: ["left", "right"], projections: ["left"], patches: ["right"], wholes: ["left"] };
  const parts = both[state.show].map(half);
  return state.show === "wholes" ? [...parts, wholes()] : parts;
}

function described(one) {
  if (one.max <= 0) return `${one.name}, dead: it fires on no image`;
  const seen = [...new Set(one.units.map((unit) => classOf(imageOf(unit)[1]) || imageOf(unit)[0]))];
  return [
    one.name, one.stands && `stands for ${one.stands}`, one.best && `best class ${one.best}`,
    `max ${short(one.max)}, mean ${short(one.mean)}, fires on ${percent(one.fires)} of the images`,
    `its strongest images: ${seen.join(", ")}`, liked(one).length && `ideal images: ${liked(one).length}`,
  ].filter(Boolean).join("; ");
}

function card(one, place) {
  const key = WORDS.includes(state.sort) ? state.sort : "max";
  const value = one.max <= 0 ? "dead" : `${key} ${told(key, one[key])}`;
  const link = made("a", {
    class: "card", href: `#${encodeURIComponent(one.name)}`, "aria-label": described(one),
    tabindex: place === current ? "0" : "-1",
  },
    made("span", { class: "pictures" }, ...picturesOf(one)),
    made("span", { class: "line" }, made("b", {}, one.name),
      made("bdi", { class: "named" }, one.stands || one.best || ""), made("span", { class: "value" }, value)));
  return made("li", {}, link);
}

function grow(until = drawn + AT_ONCE) {
  const cards = list.slice(drawn, until).map((one, index) => card(one, drawn + index));
  at("channels").append(...cards);
  drawn += cards.length;
}

function narrow() { // whether each card has a single square
  return ["projections", "patches"].includes(state.show)
    || (list.length > 0 && list.every((one) => one.stage.kind === "fc"));
}

function show() {
  choose();
  [drawn, current] = [0, 0];
  at("channels").replaceChildren();
  at("channels").classList.toggle("single", narrow());
  grow();
  if (fills) { // the list may be shorter than the screen
    fills.unobserve(at("end"));
    fills.observe(at("end"));
  }
  const layer = state.layer ? channels.filter((one) => one.stage.name === state.layer) : channels;
  const about = data.stages.find((stage) => stage.name === state.layer);
  at("status").textContent = [
    `${list.length.toLocaleString("en")} of ${layer.length.toLocaleString("en")} channels`, about && about.about,
    about && about.kind === "fc" && "images without projections: each unit sees the whole image",
  ].filter(Boolean).join(" · ");
  for (const button of at("layers").children) {
    const pressed = button.value === state.layer;
    button.setAttribute("aria-pressed", String(pressed));
    if (pressed) at("layers").scrollLeft = button.offsetLeft - at("layers").offsetLeft - button.offsetWidth; // a phone shows a few
  }
  at("turn").textContent = state.down === (state.sort === "n") ? "↑" : "↓";
  for (const name of ["search", "class", "sort", "show"]) at(name).value = state[name];
}

const fills = "IntersectionObserver" in window
  ? new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && drawn < list.length) {
      grow();
      fills.unobserve(at("end")); // look again: the end may still be in sight
      fills.observe(at("end"));
    }
  }, { rootMargin: "1200px" })
  : null;

// -- one channel, large ---------------------------------------------------------------------------------

// The square of a `file` of `width` x `height` pixels that begins `left` pixels from its left and `top` from its top.
function cut(file, tile, [left, top], [width, height], label) {
  const place = (offset, size) => (size > tile ? `${(100 * offset) / (size - tile)}%` : "0%");
  const element = made("span", label ? { class: "tile", role: "img", "aria-label": label } : { class: "tile" });
  Object.assign(element.style, {
    backgroundImage: `url("${file}")`,
    backgroundSize: `${(100 * width) / tile}% ${(100 * height) / tile}%`,
    backgroundPosition: `${place(left, width)} ${place(top, height)}`,
  });
  return element;
}

// One of the nine of a channel's file: the square at row and column `rank` of the left or right half.
function tileOf(one, rank, right, label) {
  const { tile, gap } = one.stage;
  const half = 3 * tile + 2 * gap;
  const [row, column] = [Math.floor(rank / 3), rank % 3];
  const from = [(right ? half : 0) + column * (tile + gap), row * (tile + gap)];
  return cut(sprite(one), tile, from, [2 * half, half], label);
}

// What a channel would like best, each picture with how it compares with the strongest image.
function idealsOf(one) {
  const { tile, gap } = one.stage;
  const size = [liked(one).length * (tile + gap) - gap, tile];
  return liked(one).map((value, rank) => {
    const times = one.max > 0 ? `, ${(value / one.max).toFixed(1)} times its strongest` : ", and no image excites it";
    const label = `Ideal image ${rank + 1} of ${one.name}, made by ascent: activation ${short(value)}${times}`;
    return made("figure", {}, cut(idealStrip(one), tile, [rank * (tile + gap), 0], size, label),
      made("figcaption", {}, short(value) + (one.max > 0 ? ` = ${(value / one.max).toFixed(1)} × max` : "")));
  });
}

function unitName(one, unit) {
  return unit.length > 4 ? `${one.name}@${unit[2]},${unit[3]}` : one.name;
}

function zoom(one, rank = 0) {
  const changed = !open || open.channel !== one;
  open = { channel: one, unit: Math.max(0, Math.min(rank, one.units.length - 1)) };
  if (changed) drawChannel(one);
  drawUnit();
  if (!at("zoom").open) at("zoom").showModal();
  if (changed) {
    at("zoom").scrollTop = 0;
    at("zoom-name").focus({ preventScroll: true });
  }
}

function drawChannel(one) {
  at("zoom-name").textContent = one.name;
  at("zoom").classList.toggle("squares", one.stage.side <= 7);
  at("zoom-about").textContent = [one.stands && `stands for ${one.stands}`, one.stage.about].filter(Boolean).join(" · ");
  const facts = data.statistics.filter(({ key }) => one[key] !== null && one[key] !== undefined && one[key] !== "");
  at("facts").replaceChildren(...facts.flatMap(({ key, name }) => [
    made("dt", {}, name), made("dd", {}, key === "best" ? made("bdi", {}, one.best) : told(key, one[key]))]));
  at("units").replaceChildren(...one.units.map((unit, rank) => {
    const [name, label] = imageOf(unit);
    return made("tr", {},
      made("td", { class: "number" }, `${rank + 1}`), made("td", { class: "number" }, short(unit[1])),
      made("td", {}, made("bdi", {}, classOf(label))), made("td", { class: "name" }, made("bdi", {}, name)),
      made("td", { class: "number" }, unit.length > 4 ? `${unit[2]}, ${unit[3]}` : ""));
  }));
  at("nine").replaceChildren(...one.units.map((unit, rank) => {
    const picture = one.stage.kind === "fc" ? whole(unit, false, false) : tileOf(one, rank, false);
    const button = made("button", { type: "button", "aria-label": `unit ${rank + 1}, ${short(unit[1])}` }, picture);
    button.addEventListener("click", () => zoom(one, rank));
    return button;
  }));
  const ideals = idealsOf(one);
  at("ideals").hidden = !ideals.length;
  at("ideal-row").replaceChildren(...ideals);
  at("no-projections").hidden = one.stage.kind !== "fc";
  const why = one.ideal ? "None excited this channel." : `This page has none of ${one.name}: zfexplore export ideal makes them.`;
  at("no-ideals").textContent = ideals.length ? "" : why;
  at("command").textContent = data.channelCommand.replace("CHANNEL", one.name);
  at("copy").lastChild.textContent = "y";
  const place = list.indexOf(one);
  at("before").disabled = place <= 0;
  at("after").disabled = place < 0 || place === list.length - 1;
}

function drawUnit() {
  const { channel: one, unit: rank } = open;
  const unit = one.units[rank];
  if (!unit) {
    at("large").replaceChildren(made("p", {}, one.max > 0 ? "Its images cannot be read." : "It fires on no image."));
    at("told").textContent = "";
    return;
  }
  const [name, label] = imageOf(unit);
  const named = classOf(label) ? `${classOf(label)}, ${name}` : name;
  const figure = (picture, caption) => made("figure", {}, picture, made("figcaption", {}, caption));
  const parts = [figure(whole(unit, true, false), "the image")];
  parts[0].firstChild.firstChild.alt = named;
  if (one.stage.kind !== "fc") {
    parts[0].lastChild.textContent = "where in the image";
    parts.unshift(
      figure(tileOf(one, rank, false, `Projection of ${unitName(one, unit)}`), "projection"),
      figure(tileOf(one, rank, true, `What ${unitName(one, unit)} saw of ${named}`), "what the unit saw"));
  }
  at("large").replaceChildren(...parts);
  at("told").textContent = `${rank + 1} of ${one.units.length}: ${unitName(one, unit)}, activation ${short(unit[1])}, on ${named}`;
  for (const [index, button] of [...at("nine").children].entries()) {
    button.setAttribute("aria-pressed", String(index === rank));
  }
  for (const [index, row] of [...at("units").children].entries()) {
    if (index === rank) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function walk(step) { // to the next picture of the channel that is open
  if (open.channel.units.length) zoom(open.channel, open.unit + step);
}

function toChannel(step) {
  const place = list.indexOf(open.channel) + step;
  if (list[place]) {
    current = place;
    location.replace(`#${encodeURIComponent(list[place].name)}`);
  }
}

function shut() {
  if (at("zoom").open) at("zoom").close();
  ended(); // the event comes with the next frame only
}

function ended() { // the large view was closed, by whatever means
  if (!open) return;
  const place = list.indexOf(open.channel);
  open = null;
  if (location.hash) forget();
  if (place >= 0) focusCard(place);
}

function forget() { // the channel in the address; some browsers keep a page without an origin from doing so
  try {
    history.replaceState(null, "", location.href.split("#")[0]);
  } catch {
    location.hash = "";
  }
}

function follow() { // the address names a channel: conv5:130
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch { /* an address that somebody cut off names no channel */ }
  const one = byName.get(name);
  if (!one) {
    shut();
    return;
  }
  if (!list.includes(one)) {
    Object.assign(state, { layer: one.stage.name, search: "", class: "" });
    show();
  }
  if (at("keys").open) at("keys").close();
  zoom(one);
}

function copy() {
  const said = (text) => { at("copy").lastChild.textContent = text; };
  const text = at("command").textContent;
  const byHand = () => {
    const range = document.createRange();
    range.selectNodeContents(at("command"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    said(document.execCommand("copy") ? "copied" : "marked");
  };
  if (!navigator.clipboard) byHand();
  else navigator.clipboard.writeText(text).then(() => said("copied"), byHand);
}

// -- keys -------------------------------------------------------------------------------------------------

function focusCard(place) {
  const to = Math.max(0, Math.min(place, list.length - 1));
  if (to >= drawn) grow(to + AT_ONCE);
  const links = at("channels").children;
  if (!links[to]) return;
  if (links[current]) links[current].firstChild.tabIndex = -1;
  current = to;
  const link = links[to].firstChild;
  link.tabIndex = 0;
  link.focus({ preventScroll: true });
  const [bar, box] = [at("tools").getBoundingClientRect(), link.getBoundingClientRect()];
  const top = getComputedStyle(at("tools")).position === "sticky" ? bar.height + 8 : 8;
  if (box.top < top) scrollBy(0, box.top - top);
  else if (box.bottom > innerHeight) scrollBy(0, Math.min(box.bottom - innerHeight + 8, box.top - top));
}

function inARow() {
  const cards = [...at("channels").children];
  const first = cards.length ? cards[0].offsetTop : 0;
  const count = cards.findIndex((one) => one.offsetTop > first);
  return count < 1 ? Math.max(cards.length, 1) : count;
}

function step(by) {
  focusCard(at("channels").contains(document.activeElement) ? current + by : current);
}

function layer(by) {
  const names = ["", ...data.stages.map((stage) => stage.name)];
  const next = names[names.indexOf(state.layer) + by];
  if (next === undefined) return;
  state.layer = next;
  show();
  focusCard(0);
}

function sortBy(by) {
  const names = [...at("sort").options].map((option) => option.value);
  state.sort = names[(names.indexOf(state.sort) + by + names.length) % names.length];
  state.down = true;
  show();
  focusCard(0);
}

function change(shown) {
  const place = current;
  state.show = shown;
  show();
  focusCard(place);
}

const swap = () => change({ both: "projections", projections: "patches" }[state.show] || "both");
const box = () => change(state.show === "wholes" ? "both" : "wholes");
const HALF_A_PAGE = 3; // rows of channels

const IN_THE_LIST = {
  ArrowLeft: () => step(-1), h: () => step(-1), ArrowRight: () => step(1), l: () => step(1),
  ArrowUp: () => step(-inARow()), k: () => step(-inARow()), ArrowDown: () => step(inARow()), j: () => step(inARow()),
  PageUp: () => step(-HALF_A_PAGE * inARow()), PageDown: () => step(HALF_A_PAGE * inARow()),
  Home: () => focusCard(0), g: () => focusCard(0), End: () => focusCard(list.length), G: () => focusCard(list.length),
  "[": () => layer(-1), "]": () => layer(1), ">": () => sortBy(1), ",": () => sortBy(1), "<": () => sortBy(-1),
  "/": () => { at("search").focus(); at("search").select(); },
  z: () => { if (list[current]) location.hash = encodeURIComponent(list[current].name); },
  p: swap, b: box, "?": () => at("keys").showModal(),
  y: () => {
    if (!list[current] || !navigator.clipboard) return;
    navigator.clipboard.writeText(data.channelCommand.replace("CHANNEL", list[current].name)).catch(() => {});
  },
};
const IN_THE_LARGE_VIEW = {
  ArrowLeft: () => walk(-1), h: () => walk(-1), k: () => walk(-1), ArrowRight: () => walk(1), l: () => walk(1),
  j: () => walk(1), PageUp: () => toChannel(-1), PageDown: () => toChannel(1), z: () => shut(),
  q: () => shut(), y: copy, "?": () => at("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.target === at("search") && ["Enter", "ArrowDown"].includes(event.key)) focusCard(0);
    else if (event.target === at("search") && event.key === "Escape") {
      state.search = "";
      show();
      focusCard(0);
    } else return;
    event.preventDefault();
    return;
  }
  const keys = at("keys").open ? { q: () => at("keys").close() } : at("zoom").open ? IN_THE_LARGE_VIEW : IN_THE_LIST;
  if (event.key === "Enter" && event.target === at("zoom-name")) shut();
  else if (Object.hasOwn(keys, event.key)) keys[event.key]();
  else return;
  event.preventDefault();
});

// -- the start --------------------------------------------------------------------------------------------

function remembered(theme) { // some browsers remember nothing for files
  try {
    if (theme === undefined) return localStorage.getItem("zfexplore-theme") || "";
    localStorage.setItem("zfexplore-theme", theme);
  } catch { /* then the choice lasts as long as the page */ }
  return theme || "";
}

function paint(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  at("theme").value = theme;
}

function start() {
  const button = (value, text) => made("button", { type: "button", value, "aria-pressed": "false" }, text);
  const names = data.stages.map((stage) => stage.name);
  at("layers").append(button("", "all layers"), ...names.map((name) => button(name, name)));
  const classes = new Map();
  for (const one of channels) {
    if (one.best && one.max > 0) classes.set(one.best, (classes.get(one.best) || 0) + 1);
    if (one.stands && one.stands !== one.best) classes.set(one.stands, (classes.get(one.stands) || 0) + 1);
  }
  const sorted = [...classes].sort((one, other) => one[0].localeCompare(other[0], "en", { numeric: true }));
  at("class").append(made("option", { value: "" }, "all classes"),
    ...sorted.map(([name, count]) => made("option", { value: name }, `${name} (${count})`)));
  at("class").parentElement.hidden = !sorted.length;
  const sorts = data.statistics.filter(({ key }) => WORDS.includes(key));
  at("sort").append(made("option", { value: "n" }, "number"),
    ...sorts.map(({ key, name }) => made("option", { value: key }, name)));
  if (anyIdeal) at("show").append(made("option", { value: "ideals" }, "ideal images"));
  at("statistics").append(...data.statistics.flatMap(({ name, about }) => [made("dt", {}, name), made("dd", {}, about)]));
  at("key-list").append(...KEYS.map(([keys, what]) => made("tr", {}, made("th", { scope: "row" }, keys), made("td", {}, what))));

  const firstSight = data.stages.filter((stage) => stage.kind === "conv").pop() || data.stages[0];
  state.layer = firstSight ? firstSight.name : "";
  state.sort = sorts.some(({ key }) => key === "striking") ? "striking" : "mean";

  at("tools").addEventListener("submit", (event) => event.preventDefault());
  at("layers").addEventListener("click", (event) => {
    if (event.target.value === undefined) return;
    state.layer = event.target.value;
    show();
  });
  at("search").addEventListener("input", () => { state.search = at("search").value; show(); });
  for (const name of ["class", "show"]) {
    at(name).addEventListener("change", () => { state[name] = at(name).value; show(); });
  }
  at("sort").addEventListener("change", () => { state.sort = at("sort").value; state.down = true; show(); });
  at("turn").addEventListener("click", () => { state.down = !state.down; show(); });
  at("theme").addEventListener("change", () => paint(remembered(at("theme").value)));
  at("help").addEventListener("click", () => at("keys").showModal());
  at("channels").addEventListener("focusin", (event) => {
    const item = event.target.closest("li");
    if (item) focusOn([...at("channels").children].indexOf(item));
  });
  for (const [id, action] of Object.entries({
    before: () => toChannel(-1), after: () => toChannel(1), close: () => shut(), copy,
    "keys-close": () => at("keys").close(),
  })) at(id).addEventListener("click", action);
  at("zoom").addEventListener("close", ended);
  for (const dialog of [at("zoom"), at("keys")]) {
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // beside it
  }
  addEventListener("hashchange", follow);
  paint(remembered());
  show();
  follow();
}

function focusOn(place) {
  const links = at("channels").children;
  if (place === current || !links[place]) return;
  if (links[current]) links[current].firstChild.tabIndex = -1;
  links[place].firstChild.tabIndex = 0;
  current = place;
}

start();
