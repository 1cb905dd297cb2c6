/** Where contenders run: fresh processes of this Node, and the places that a label names (`quern in deno`). */
import { chromiumChannel } from '../browser/channel.js';
import { type EngineName, engineOf } from '../engines/engines.js';
import { processChannel } from './node.js';
import { type Channel, Player } from './player.js';
import { workerdChannel } from '../workerd/channel.js';

const absent = (unable: string): Channel => ({
  ask: () => Promise.resolve({ unable }),
  kill: () => undefined,
});

function engineChannel(name: EngineName): Channel {
  const options = engineOf(name);
  return options ? processChannel(options) : absent('not installed');
}

const places: Readonly<Record<string, () => Channel>> = {
  chromium: chromiumChannel,
  deno: () => engineChannel('deno'),
  bun: () => engineChannel('bun'),
  workerd: workerdChannel,
};

/** Besides this Node. */
export const placeNames = Object.keys(places);

/** A contender in a place of its own, which is fresh. */
export function playerOf(label: string): Player {
  const [, place] = label.split(' in ');
  const open = place === undefined ? processChannel : places[place];
  return new Player(label, open?.() ?? absent('no such place'));
}

/** Who joins a suite for a place: ours as it runs there, and the engine that runs nowhere else. */
export const guestsOf = (place: string): readonly string[] =>
  place === 'chromium' ? ['quern in chromium', 'litert-js in chromium'] : [`quern in ${place}`];
