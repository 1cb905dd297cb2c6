/**
 * The page: ink, the network's reading of it, and the figures. One request is in flight at a time; while it is, changes
 * to the drawing wait, and the latest drawing is sent as soon as the answer is here. Nothing is timed or delayed.
 */
import { classify, describeModel, type Model } from './client.js';
import { inkOn } from './ink.js';
import { digitOf, gridSide } from './picture.js';

function element<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} '${id}'`);
  return found;
}

/** What the build wrote into the page. */
function metadata(key: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name=${key}]`)?.content ?? '';
}

const canvas = element('canvas', HTMLCanvasElement);
const seen = element('seen', HTMLCanvasElement).getContext('2d');
const answer = element('answer', HTMLParagraphElement);
const numeral = element('numeral', HTMLParagraphElement);
const latency = element('latency', HTMLSpanElement);
const reading = element('reading', HTMLElement);
const engine = element('engine', HTMLParagraphElement);
const name = metadata('quern-model');
const ink = inkOn(canvas);

const bars = Array.from({ length: 10 }, (_, digit) => {
  const item = document.createElement('li');
  const share = document.createElement('span');
  const track = document.createElement('span');
  const fill = document.createElement('i');
  const label = document.createElement('span');
  share.className = 'share';
  track.className = 'track';
  label.className = 'digit';
  label.textContent = String(digit);
  track.append(fill);
  item.append(label, share, track);
  element('bars', HTMLOListElement).append(item);
  return { item, share, fill };
});

/** Writes only what is new, so that a screen reader hears a change once. */
function say(text: string, trouble = false): void {
  if (answer.textContent !== text) answer.textContent = text;
  answer.classList.toggle('trouble', trouble);
}

function showSeen(digit: Float32Array | null): void {
  const image = new ImageData(gridSide, gridSide);
  digit?.forEach((value, i) => image.data.set([value * 255, value * 255, value * 255, 255], 4 * i));
  seen?.putImageData(image, 0, 0);
  document.body.classList.toggle('inked', digit !== null);
}

/** Ten bars, and the likeliest digit in words; nothing at all for an empty slate. */
function showReading(probabilities: readonly number[] | null): void {
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
  bars.forEach(({ item, share, fill }, digit) => {
    const probability = probabilities?.[digit] ?? 0;
    fill.style.transform = `translateY(${100 - 100 * probability}%)`;
    share.textContent = probability < 0.005 ? '' : `${Math.round(100 * probability)}%`;
    item.classList.toggle('best', digit === best);
  });
  document.body.classList.toggle('blank', best < 0);
  numeral.textContent = best < 0 ? '?' : String(best);
  if (best < 0) return say('Waiting for ink.');
  const certainty = probabilities?.[best] ?? 0;
  say(certainty > 0.9 ? `A ${best}, no doubt.` : certainty > 0.6 ? `Probably a ${best}.` : `Perhaps a ${best}?`);
}

let model: Promise<Model> | undefined;

/** The model's description, asked for again when it could not be had. */
function described(): Promise<Model> {
  model ??= describeModel(name).then(
    (found) => {
      const size = (found.peakBytes / 2 ** 20).toFixed(1);
      engine.textContent = `Computed in this ${metadata('quern-host')} by ${found.engine}, ${size} MiB.`;
      return found;
    },
    (error: unknown) => {
      model = undefined;
      throw error;
    },
  );
  return model;
}

let busy = false;
let stale = false;

/** Shows what the drawing is now, and what the network makes of it. */
async function readOnce(): Promise<void> {
  const digit = digitOf(ink.pixels());
  showSeen(digit);
  if (!digit) return showReading(null);
  try {
    const found = await described();
    const from = performance.now();
    const probabilities = await classify(name, found, digit);
    latency.textContent = `${(performance.now() - from).toFixed(1)} ms`;
    showReading(probabilities);
  } catch (error) {
    showReading(null);
    say(error instanceof Error ? error.message : String(error), true);
  }
}

/** Reads until the reading is of the latest drawing; `aria-busy` says that it is not yet. */
async function read(): Promise<void> {
  stale = true;
  if (busy) return;
  busy = true;
  reading.ariaBusy = 'true';
  while (stale) {
    stale = false;
    await readOnce();
  }
  busy = false;
  reading.ariaBusy = 'false';
}

canvas.addEventListener('input', () => void read());
// `click` is for the keyboard; browsers may withhold it from a finger that has just drawn, so a lifted pointer counts too.
for (const event of ['click', 'pointerup']) {
  element('clear', HTMLButtonElement).addEventListener(event, () => ink.clear());
}
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') ink.clear();
});
void read();
described().catch((error: unknown) => say(error instanceof Error ? error.message : String(error), true));
