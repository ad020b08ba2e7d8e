// The script of pages with patterns. Without it they are whole; with it a range of angles is looked at closely.
#include "apps/report/pattern_view.h"

namespace bragg::apps::report {

// The picture's units are those of pattern_view.cpp: 10000 x 10000 for the curve, 13000 with the lines below.
std::string_view zoom_script() {
  return R"(<script>
'use strict';
function ticks(a, b, count) {
  const raw = (b - a) / count, power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = power * ([1, 2, 5].find(factor => factor * power >= raw * 0.9999) || 10);
  const all = [];
  for (let k = Math.ceil(a / step - 1e-9); k * step <= b + 1e-9 * step; ++k) all.push(k * step);
  return all;
}
function label(value, side, share) {
  const span = document.createElement('span');
  span.style[side] = 100 * share + '%';
  span.textContent = String(Number(value.toPrecision(6)));
  return span;
}

// What is seen of a pattern: from .. to of its 10000 units of angle, and the heights that occur there.
function zoomed(box) {
  const svg = box.querySelector('svg'), curve = svg.querySelector('.curve'), least = 100;
  const [first, last, low, high] = ['first', 'last', 'low', 'high'].map(name => Number(box.dataset[name]));
  const points = curve.firstElementChild.getAttribute('points').split(' ').map(pair => pair.split(',').map(Number));
  const view = { box, svg, least, from: 0, to: 10000 };
  view.angle = x => first + (last - first) * x / 10000;
  const heights = () => {
    const seen = points.filter(point => point[0] >= view.from && point[0] <= view.to).map(point => point[1]);
    if (view.to - view.from >= 10000 || seen.length < 2) return [0, 10000];
    const top = Math.min(...seen), bottom = Math.max(...seen), room = Math.max(0.04 * (bottom - top), 1);
    return [top - room, bottom + room];
  };
  const draw = () => {
    svg.setAttribute('viewBox', `${view.from} 0 ${view.to - view.from} 13000`);
    const [top, bottom] = heights(), scale = 10000 / (bottom - top);
    curve.setAttribute('transform', `translate(0 ${-top * scale}) scale(1 ${scale})`);
    const intensity = y => low + (high - low) * (10000 - y) / 10000;
    const a = view.angle(view.from), b = view.angle(view.to), under = intensity(bottom), over = intensity(top);
    box.querySelector('.x').replaceChildren(
      ...ticks(a, b, 8).map(value => label(value, 'left', (value - a) / (b - a))));
    box.querySelector('.y').replaceChildren(...ticks(under, over, 5).map(
      value => label(value, 'bottom', (3000 + 10000 * (value - under) / (over - under)) / 13000)));
  };
  view.show = (a, b) => {
    const width = Math.min(Math.max(b - a, least), 10000);
    view.from = Math.min(Math.max((a + b - width) / 2, 0), 10000 - width);
    view.to = view.from + width;
    draw();
  };
  view.zoom = (factor, at) => view.show(at - (at - view.from) * factor, at + (view.to - at) * factor);
  view.place = event => {
    const area = svg.getBoundingClientRect();
    return view.from + (view.to - view.from) * Math.min(Math.max((event.clientX - area.left) / area.width, 0), 1);
  };
  return view;
}

// The line of the chosen structure at the pointer, or the place.
function says(view, event) {
  const x = view.place(event), wavelength = Number(view.box.dataset.wavelength), two_theta = view.angle(x);
  let best = null, distance = 8 * (view.to - view.from) / view.svg.getBoundingClientRect().width;
  view.svg.querySelectorAll('.sticks').forEach(group => {
    if (getComputedStyle(group).display === 'none') return;
    group.querySelectorAll('path').forEach(stick => {
      const away = Math.abs(Number(stick.getAttribute('d').slice(1).split(' ')[0]) - x);
      if (away < distance) { distance = away; best = stick; }
    });
  });
  if (best !== null) return best.querySelector('title').textContent;
  const d = wavelength > 0 && two_theta > 0 ? wavelength / (2 * Math.sin(two_theta * Math.PI / 360)) : 0;
  return `${two_theta.toFixed(2)}\u00b0` + (d > 0 ? `, d = ${d.toPrecision(4)} \u00c5` : '');
}

// A range that is drawn with the pointer is what is shown next.
function addPointer(view) {
  const range = document.createElement('div');
  range.className = 'range';
  range.hidden = true;
  view.box.querySelector('.plot').append(range);
  let begin = null, beginX = 0;
  const drawn = event => begin !== null && Math.abs(event.clientX - beginX) >= 6;
  const span = event => [begin, view.place(event)].sort((p, q) => p - q);
  const end = () => { begin = null; range.hidden = true; };
  view.svg.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    begin = view.place(event);
    beginX = event.clientX;
    view.svg.setPointerCapture(event.pointerId);
  });
  view.svg.addEventListener('pointermove', event => {
    view.box.querySelector('output').textContent = says(view, event);
    range.hidden = !drawn(event);
    if (range.hidden) return;
    const [a, b] = span(event);
    range.style.left = 100 * (a - view.from) / (view.to - view.from) + '%';
    range.style.width = 100 * (b - a) / (view.to - view.from) + '%';
  });
  view.svg.addEventListener('pointerup', event => {
    if (drawn(event)) view.show(...span(event));
    end();
  });
  view.svg.addEventListener('pointercancel', end);
}

document.querySelectorAll('.pattern').forEach(box => {
  const view = zoomed(box), half = () => (view.to - view.from) / 2;
  const actions = {
    in: () => view.zoom(0.5, view.from + half()), out: () => view.zoom(2, view.from + half()),
    left: () => view.show(view.from - half(), view.to - half()),
    right: () => view.show(view.from + half(), view.to + half()),
    all: () => view.show(0, 10000),
  };
  box.querySelectorAll('button').forEach(button => button.addEventListener('click', actions[button.dataset.do]));
  view.svg.addEventListener('dblclick', actions.all);
  // A page goes on scrolling where there is nothing to zoom.
  view.svg.addEventListener('wheel', event => {
    const width = view.to - view.from;
    if (event.deltaY === 0 || (event.deltaY > 0 ? width >= 10000 : width <= view.least)) return;
    event.preventDefault();
    view.zoom(event.deltaY > 0 ? 1.25 : 0.8, view.place(event));
  }, { passive: false });
  addPointer(view);
  box.querySelector('.tools').hidden = false;
});
</script>
)";
}

}  // namespace bragg::apps::report
