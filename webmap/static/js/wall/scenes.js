/** The scenes in turn: a touch or a key pauses them, and after a while without one they go on by themselves. */

import { byId } from "../dom.js";

const IDLE_MS = 120_000;
/** A linkage's definition takes a third of a scene to read: the six take two scenes. */
export const LINKAGES = 6;
const LINKAGES_SCENES = 2;

/**
 * Start the rotation.
 * @param {{scenes: string[], scene: string, seconds: number}} wanted
 * @param {{scene: (id: string) => void, step: (n: number) => void}} show
 */
export function startScenes({ scenes, scene, seconds }, show) {
  const wide = matchMedia("(min-aspect-ratio: 4/1)");
  const buttons = [...byId("position").querySelectorAll("[data-go]")];
  let now = scene;
  let step = 0;
  let paused = false;
  let held = false;
  let timer = 0;
  let idle = 0;

  // Where the linkages have a screen of their own, they are no scene.
  const order = () => {
    const there = scenes.filter((id) => !wide.matches || id !== "linkages");
    return there.length ? there : scenes;
  };
  const stepsOf = (id) => (id === "linkages" ? LINKAGES : 1);
  const stepMs = (id) => (1000 * seconds * (id === "linkages" ? LINKAGES_SCENES : 1)) / stepsOf(id);

  const draw = () => {
    for (const button of buttons) {
      const current = button.dataset.go === now;
      if (current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.hidden = !order().includes(button.dataset.go);
    }
    byId("paused").hidden = !paused;
    const wall = byId("wall");
    wall.dataset.scene = now;
    wall.classList.toggle("still", paused || held);
    wall.style.setProperty("--scene-time", `${stepMs(now) * stepsOf(now)}ms`);
  };
  const run = () => {
    clearTimeout(timer);
    if (!paused && !held) timer = setTimeout(next, stepMs(now));
  };
  const next = () => {
    step += 1;
    if (step < stepsOf(now)) {
      show.step(step);
      run();
    } else {
      go(1);
    }
  };
  const to = (id) => {
    now = id;
    step = 0;
    draw();
    restart();
    show.scene(now);
    if (now === "linkages") show.step(0);
    run();
  };
  const go = (by) => {
    const all = order();
    to(all[(all.indexOf(now) + by + all.length) % all.length]);
  };
  const pause = (wanted) => {
    paused = wanted;
    clearTimeout(idle);
    if (paused) idle = setTimeout(() => pause(false), IDLE_MS);
    draw();
    run();
  };

  /** The mark's progress begins anew: an animation starts over only where it was taken away. */
  const restart = () => {
    for (const fill of byId("position").querySelectorAll(".wall-mark-fill"))
      for (const animation of fill.getAnimations()) animation.currentTime = 0;
  };

  byId("wall").addEventListener("click", ({ target }) => {
    if (target.closest("a")) return;
    const chosen = target.closest("[data-go]")?.dataset.go;
    if (chosen && order().includes(chosen)) {
      to(chosen);
      pause(true);
    } else {
      pause(!paused);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("a")) return;
    const digit = order()[Number(event.key) - 1];
    if (event.key === " " && !event.target.closest("button")) pause(!paused);
    else if (event.key === "ArrowRight") go(1);
    else if (event.key === "ArrowLeft") go(-1);
    else if (digit) to(digit);
    else return;
    event.preventDefault();
  });
  let beside = 0;
  setInterval(() => {
    if (!wide.matches || paused || held) return;
    beside = (beside + 1) % LINKAGES;
    show.step(beside);
  }, stepMs("linkages"));
  wide.addEventListener("change", () => to(order().includes(now) ? now : order()[0]));
  return {
    /** Show the first scene. */
    start() {
      to(order().includes(now) ? now : order()[0]);
    },
    /** While nothing comes from the server the picture stands still. */
    hold(wanted) {
      if (held === wanted) return;
      held = wanted;
      draw();
      run();
    },
    get scene() {
      return now;
    },
    get seconds() {
      return seconds;
    },
  };
}
