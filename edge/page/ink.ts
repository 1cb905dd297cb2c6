/**
 * Drawing with a finger, a pen or the mouse. A pen's pressure makes its line up to a third thinner or thicker. Strokes are white on nothing; the picture is the canvas' own pixels. When
 * it changes the canvas gets an `input` event, so whoever else paints on it (a test, a script) says so the same way.
 */
import { canvasSide } from './picture.js';

/** Width of a stroke in canvas pixels: a little over two MNIST pixels, as thick as MNIST's own. */
const strokeWidth = 23;

export interface Ink {
  clear(): void;
  pixels(): Uint8ClampedArray;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A stroke under way: where the pointer was last, and how far the line has been drawn. */
interface Stroke {
  readonly last: Point;
  readonly middle: Point;
}

/** The steps that the browser put together in one event; pages that came over plain HTTP are told of the last only. */
function stepsOf(event: PointerEvent): readonly PointerEvent[] {
  const steps = 'getCoalescedEvents' in event ? event.getCoalescedEvents() : [];
  return steps.length > 0 ? steps : [event];
}

export function inkOn(canvas: HTMLCanvasElement): Ink {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser has no 2D canvas');
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.strokeStyle = '#fff';

  const strokes = new Map<number, Stroke>();
  const changed = (): boolean => canvas.dispatchEvent(new Event('input'));

  const pointAt = (event: PointerEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * canvasSide) / box.width,
      y: ((event.clientY - box.top) * canvasSide) / box.height,
    };
  };

  /** Extends a stroke: a curve from the middle of the last step to the middle of this one. */
  const extend = ({ last, middle }: Stroke, event: PointerEvent): Stroke => {
    const point = pointAt(event);
    const next = { x: (last.x + point.x) / 2, y: (last.y + point.y) / 2 };
    context.lineWidth = event.pointerType === 'pen' ? strokeWidth * (0.67 + 0.67 * event.pressure) : strokeWidth;
    context.beginPath();
    context.moveTo(middle.x, middle.y);
    context.quadraticCurveTo(last.x, last.y, next.x, next.y);
    context.stroke();
    return { last: point, middle: next };
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const point = pointAt(event);
    strokes.set(event.pointerId, extend({ last: point, middle: point }, event));
    changed();
  });

  canvas.addEventListener('pointermove', (event) => {
    const stroke = strokes.get(event.pointerId);
    if (!stroke) return;
    strokes.set(event.pointerId, stepsOf(event).reduce(extend, stroke));
    changed();
  });

  const lift = (event: PointerEvent): void => {
    const stroke = strokes.get(event.pointerId);
    if (!stroke) return;
    strokes.delete(event.pointerId);
    extend(stroke, event);
    changed();
  };
  canvas.addEventListener('pointerup', lift);
  canvas.addEventListener('pointercancel', (event) => strokes.delete(event.pointerId));

  return {
    clear() {
      strokes.clear();
      context.clearRect(0, 0, canvasSide, canvasSide);
      changed();
    },
    pixels: () => context.getImageData(0, 0, canvasSide, canvasSide).data,
  };
}
