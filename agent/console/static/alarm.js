// The desktop alarm: while it is on, this browser shows and sounds what nobody
// has acknowledged yet, in the background too. It adds to the ways people are
// told; it takes the place of none.
(function () {
  "use strict";

  var bell = document.getElementById("bell");
  if (!bell || !window.fetch) return;
  var on = "xunjian.alarm", seen = "xunjian.alarm.seen", every = 5000, title = document.title;
  var sound = null, timer = 0, gone = false;

  function stored(key) { try { return window.localStorage.getItem(key); } catch (e) { return null; } }
  function store(key, v) { try { window.localStorage.setItem(key, v); } catch (e) { /* private window: until it closes */ } }
  function known() { try { return JSON.parse(stored(seen)) || {}; } catch (e) { return {}; } }

  function show() {
    var is = stored(on) === "on", blocked = is && "Notification" in window && Notification.permission !== "granted";
    bell.setAttribute("aria-pressed", is ? "true" : "false");
    bell.textContent = is ? (blocked || (sound && sound.state !== "running") ? bell.dataset.partly : bell.dataset.on) : bell.dataset.off;
    bell.title = blocked ? bell.dataset.blocked : bell.dataset.hint;
    bell.hidden = false;
  }

  // Browsers let a page sound only after somebody touched it.
  function tune() {
    var Context = window.AudioContext || window.webkitAudioContext;
    if (!sound && Context) sound = new Context();
    if (sound && sound.state !== "running") sound.resume().then(show, show);
  }

  // Two rising tones; a grave incident's three times.
  function ring(grave) {
    if (!sound || sound.state !== "running") return;
    for (var n = 0; n < (grave ? 6 : 2); n++) {
      var at = sound.currentTime + n * 0.22, o = sound.createOscillator(), g = sound.createGain();
      o.frequency.value = n % 2 ? 988 : 784;
      g.gain.setValueAtTime(0.0001, at);
      g.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
      g.gain.exponentialRampToValueAtTime(0.0001, at + 0.2);
      o.connect(g).connect(sound.destination);
      o.start(at);
      o.stop(at + 0.21);
    }
  }

  function pop(head, text, url, tag, grave) {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    var n = new Notification(head, { body: text, tag: tag, icon: bell.dataset.icon, requireInteraction: grave, renotify: true });
    n.onclick = function () { window.focus(); if (url) window.location.assign(url); n.close(); };
  }

  function heed(list) {
    var before = known(), now = {}, fresh = false, grave = false;
    list.forEach(function (i) {
      now[i.id] = i.level;
      if (before[i.id] !== i.level) {
        fresh = true;
        pop(i.title, i.text, i.url, i.id, !!i.grave);
      }
      grave = grave || !!i.grave;
    });
    store(seen, JSON.stringify(now));
    document.title = (list.length ? "(" + list.length + ") " : "") + title;
    if (fresh || grave) ring(grave);
  }

  function ask() {
    fetch(bell.dataset.ask, { credentials: "same-origin", headers: { Accept: "application/json" } }).then(function (res) {
      if (res.status === 401) throw new Error("session");
      if (!res.ok) throw new Error("gone");
      return res.json();
    }).then(function (view) {
      gone = false;
      heed(view.waiting);
    }).catch(function (e) {
      // Silence of the console is news too, once.
      if (!gone) { pop(bell.dataset.lost, e.message === "session" ? bell.dataset.session : bell.dataset.gone, "", "xunjian", true); ring(false); }
      gone = true;
    });
  }

  // Of several windows one sounds: whoever holds the lock.
  var release = null;
  function work() {
    if (timer) return;
    function begin() { if (stored(on) === "on") { ask(); timer = window.setInterval(ask, every); } }
    if (!navigator.locks) { begin(); return; }
    navigator.locks.request("xunjian.alarm", function () {
      begin();
      return new Promise(function (done) { release = done; });
    });
  }
  function rest() {
    window.clearInterval(timer);
    timer = 0;
    document.title = title;
    if (release) { release(); release = null; }
  }

  bell.addEventListener("click", function () {
    if (stored(on) === "on") { store(on, ""); store(seen, ""); rest(); show(); return; }
    store(on, "on");
    tune();
    if ("Notification" in window && Notification.permission === "default") {
      Notification.requestPermission().then(function () { show(); work(); }, function () { show(); work(); });
    } else {
      work();
    }
    show();
  });
  document.addEventListener("pointerdown", function () { if (stored(on) === "on") tune(); }, { passive: true });
  window.addEventListener("storage", function (e) {
    if (e.key !== on) return;
    if (stored(on) === "on") work(); else rest();
    show();
  });
  show();
  if (stored(on) === "on") work();
})();
