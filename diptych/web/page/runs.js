// Training curves of runs: losses and validation metric by epoch.
import { ask } from "./api.js";
import { byId, element, emptyBox, errorBox, figure, loadingBox } from "./dom.js";
import { plot } from "./plot.js";

/** Show the runs of the service, and the curves of the first. */
export async function showRuns() {
  const place = byId("runs");
  place.replaceChildren(loadingBox("Loading the runs …"));
  try {
    const runs = await ask("/v1/runs");
    if (!runs.length) {
      place.replaceChildren(emptyBox("No training runs to show.", "Start the service with --runs DIR."));
      return;
    }
    const choice = element("select", { id: "run" }, runs.map(run => element("option", { value: run.name }, run.name)));
    const curves = element("div", {});
    const show = () => showRun(runs.find(run => run.name === choice.value), curves);
    choice.onchange = show;
    place.replaceChildren(element("label", { class: "field narrow", for: "run" }, "Run", choice), curves);
    await show();
  } catch (error) {
    place.replaceChildren(errorBox(error, showRuns));
  }
}

async function showRun(run, place) {
  place.replaceChildren(loadingBox("Loading the curves …"));
  try {
    const epochs = await ask(`/v1/runs/${encodeURIComponent(run.name)}/history`);
    place.replaceChildren(facts(run), ...(epochs.length ? curves(run, epochs) : [
      emptyBox("This run has no epochs.", "Its method has a closed-form solution, or training has just begun.")]));
  } catch (error) {
    place.replaceChildren(errorBox(error, () => showRun(run, place)));
  }
}

function facts(run) {
  const told = {
    Method: run.preset === "default" ? run.method : `${run.method}, preset ${run.preset}`, Data: run.data, Seed: run.seed,
    Epochs: run.finished ? run.epochs : `${run.epochs} so far`, [`Best validation ${run.metric}`]: figure(run.validation),
  };
  return element("dl", { class: "facts" }, Object.entries(told).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
}

function curves(run, epochs) {
  const names = [...new Set(epochs.flatMap(epoch => Object.keys(epoch.losses)))];
  const losses = names.map(name => ({ name: name.replaceAll("_", " "), points: measured(epochs, each => each.losses[name]) }));
  const validation = [{ name: `validation ${run.metric}`, points: measured(epochs, each =>
    each.validation_map ?? each.validation_recall ?? each.validation_map_and_recall) }];
  const drawings = [
    [`Validation ${run.metric}`, validation, run.metric],
    ["Losses", losses, "loss"],
  ].map(([title, lines, up]) => [title, lines.filter(line => line.points.length), up]);
  return [element("div", { class: "plots" }, drawings.filter(([, lines]) => lines.length).map(([title, lines, up]) =>
    plot(title, lines, { across: "epoch", up })))];
}

const measured = (epochs, value) => epochs.map(epoch => [epoch.epoch, value(epoch)])
  .filter(([, figure]) => figure !== null && figure !== undefined);
