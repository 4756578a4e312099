// What pages do beyond their forms: they keep themselves fresh, and draw
// charts. Without this file everything still works.
(function () {
  "use strict";

  // ── fresh pages ──────────────────────────────────────────────────────────
  // A part is left alone while somebody writes, chooses or marks text in it.

  function changed(control) {
    if (control.type === "hidden") return false;
    if (control.options) {
      return Array.prototype.some.call(control.options, function (o) { return o.selected !== o.defaultSelected; }) &&
        control === document.activeElement;
    }
    return control.value !== control.defaultValue;
  }

  function busy(part) {
    var at = document.activeElement;
    if (at && part.contains(at) && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return true;
    if (Array.prototype.some.call(part.querySelectorAll("input, textarea, select"), changed)) return true;
    var sel = window.getSelection();
    return !!sel && !sel.isCollapsed && sel.rangeCount > 0 && part.contains(sel.getRangeAt(0).commonAncestorContainer);
  }

  // keep carries over what a person opened, and where the keyboard is.
  function nameOf(details) {
    var summary = details.querySelector("summary");
    return summary ? summary.textContent.trim() : "";
  }
  function focusables(part) { return part.querySelectorAll("a[href], button, summary"); }

  var focus = null;
  document.addEventListener("htmx:oobBeforeSwap", function (e) {
    var part = e.detail.target;
    if (!part || part.id === "poll") return;
    if (busy(part)) { e.detail.shouldSwap = false; return; }
    var open = {};
    part.querySelectorAll("details").forEach(function (d) { open[nameOf(d)] = d.open; });
    e.detail.fragment.querySelectorAll("details").forEach(function (d) {
      var name = nameOf(d);
      if (name in open) d.open = open[name];
    });
    var at = document.activeElement;
    focus = at && part.contains(at) ? { part: part.id, id: at.id, n: Array.prototype.indexOf.call(focusables(part), at) } : null;
  });
  document.addEventListener("htmx:oobAfterSwap", function () {
    if (!focus) return;
    var part = document.getElementById(focus.part);
    var to = focus.id ? document.getElementById(focus.id) : part && focusables(part)[focus.n];
    focus = null;
    if (to) to.focus({ preventScroll: true });
  });

  document.addEventListener("htmx:beforeRequest", function (e) {
    if (document.hidden && e.detail.elt.id === "poll") e.preventDefault();
  });
  document.addEventListener("visibilitychange", function () {
    var poll = document.getElementById("poll");
    if (!document.hidden && poll && window.htmx) window.htmx.trigger(poll, "refresh");
  });

  // A page that cannot refresh itself must say so: old news look like good ones.
  function stale(why) {
    var bar = document.getElementById("stale");
    if (!bar) return;
    bar.hidden = !why;
    if (why) bar.querySelector("span").textContent = bar.dataset[why];
  }
  document.addEventListener("htmx:sendError", function () { stale("gone"); });
  document.addEventListener("htmx:timeout", function () { stale("gone"); });
  document.addEventListener("htmx:responseError", function (e) { stale(e.detail.xhr.status === 401 ? "session" : "gone"); });
  document.addEventListener("htmx:afterOnLoad", function (e) { if (e.detail.xhr.status < 400) stale(""); });

  // ── forms ────────────────────────────────────────────────────────────────
  // A double click sends a form once.
  document.addEventListener("submit", function (e) {
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (f) { delete f.dataset.sent; });
  });

  // ── charts ───────────────────────────────────────────────────────────────

  function style(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  function scaled(v, base, units) {
    var n = 0;
    while (Math.abs(v) >= base && n < units.length - 1) { v /= base; n++; }
    return +v.toFixed(Math.abs(v) < 10 ? 2 : 1) + " " + units[n];
  }
  function say(unit, v) {
    if (v === null || v === undefined) return "–";
    switch (unit) {
      case "bytes": return scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
      case "bytes/s": return scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]) + "/s";
      case "ratio": return +(v * 100).toFixed(1) + " %";
      case "seconds": return v !== 0 && Math.abs(v) < 1 ? +(v * 1000).toPrecision(3) + " ms" : +v.toFixed(2) + " s";
    }
    if (v !== 0 && Math.abs(v) < 0.01) return v.toExponential(1);
    return Math.abs(v) >= 10000 ? scaled(v, 1000, ["", "k", "M", "G", "T", "P"]) : String(+v.toFixed(2));
  }

  // Bytes are divided at powers of two.
  var powers = [];
  for (var p = -4; p < 60; p++) powers.push(Math.pow(2, p));

  var zone = document.body.dataset.zone;
  function inZone(ts) {
    try { return uPlot.tzDate(new Date(ts * 1000), zone); } catch (e) { return new Date(ts * 1000); }
  }
  var fullTime = window.uPlot && uPlot.fmtDate("{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}");
  var dayTime = window.uPlot && uPlot.fmtDate("{HH}:{mm}");
  var dayDate = window.uPlot && uPlot.fmtDate("{MM}-{DD}");

  function ticks(u, splits, axis, space, step) {
    return splits.map(function (ts) {
      var d = inZone(ts);
      return step >= 86400 || (d.getHours() === 0 && d.getMinutes() === 0) ? dayDate(d) : dayTime(d);
    });
  }

  function draw(figure, data) {
    var plot = figure.querySelector(".plot"), unit = figure.dataset.unit || data.unit || "";
    if (!data.t || data.t.length === 0) { empty(figure, figure.dataset.empty); return; }
    var grid = { stroke: style("--line"), width: 1 }, text = style("--muted");
    var series = [{ value: function (u, ts) { return ts === null ? "–" : fullTime(inZone(ts)); }, label: document.body.dataset.time }];
    data.names.forEach(function (name, n) {
      series.push({
        label: data.names.length > 1 && name ? name : figure.querySelector("figcaption").textContent, stroke: style("--c" + (n % 8 + 1)), width: 1.5,
        dash: n >= 8 ? [6, 3] : undefined, points: { show: data.t.length < 30 },
        value: function (u, v) { return say(unit, v); }
      });
    });
    // A limit is a line across, dashed, in the colour of what it means.
    var lines = data.lines.slice();
    (data.limits || []).forEach(function (l) {
      series.push({
        label: l.name, stroke: style(l.kind === "abnormal" ? "--abnormal" : "--attention"), width: 1, dash: [4, 4], points: { show: false },
        value: function (u, v) { return say(unit, v === null || v === undefined ? l.value : v); }
      });
      lines.push(data.t.map(function () { return l.value; }));
    });
    var height = figure.classList.contains("tall") ? 320 : 170;
    var font = "12px " + getComputedStyle(document.body).fontFamily;
    plot.textContent = "";
    var chart = new uPlot({
      width: plot.clientWidth, height: height, tzDate: inZone, series: series, legend: { live: true },
      cursor: { drag: { x: true, y: false } },
      scales: { x: { time: true, range: data.from ? [data.from, data.to] : undefined },
        y: { range: function (u, low, high) {
          if (low === null) return [0, 1];
          if (unit === "ratio") return [0, high > 1 ? high * 1.05 : Math.min(1, Math.max(high * 1.2, 0.05))];
          var pad = (high - low || Math.abs(high) || 1) * 0.1;
          return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
        } } },
      axes: [
        { stroke: text, grid: grid, ticks: grid, font: font, values: ticks },
        { stroke: text, grid: grid, ticks: grid, font: font, size: 74, incrs: /^bytes/.test(unit) ? powers : undefined, values: function (u, list) { return list.map(function (v) { return say(unit, v); }); } }
      ]
    }, [data.t].concat(lines), plot);
    if (window.ResizeObserver) {
      new ResizeObserver(function () {
        if (plot.clientWidth > 0 && plot.clientWidth !== chart.width) chart.setSize({ width: plot.clientWidth, height: height });
      }).observe(plot);
    }
  }

  function empty(figure, why) {
    figure.classList.add("bare");
    figure.querySelector(".plot").textContent = why || "–";
  }

  function load(figure) {
    fetch(figure.dataset.src, { credentials: "same-origin", headers: { Accept: "application/json" } }).then(function (res) {
      if (res.status === 401) { stale("session"); throw new Error("session"); }
      return res.json();
    }).then(function (data) {
      if (data.error) { empty(figure, data.error); return; }
      draw(figure, data);
    }).catch(function () { empty(figure, figure.dataset.failed); });
  }

  function charts(root) {
    if (!window.uPlot || !root.querySelectorAll) return;
    root.querySelectorAll("figure.chart:not([data-drawn])").forEach(function (figure) {
      figure.dataset.drawn = "1";
      if (figure.dataset.src) load(figure);
      else draw(figure, JSON.parse(figure.dataset.chart));
    });
  }
  charts(document);
  document.addEventListener("htmx:oobAfterSwap", function () { charts(document); });
})();
