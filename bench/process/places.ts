/** Where contenders run: fresh processes of this Node, and the places that a label names (`quern in deno`). */
import { processChannel } from './node.js';
import { type Channel, Player } from './player.js';

const places: Readonly<Record<string, () => Channel>> = {
  node: () => processChannel(),
};

export const placeNames = Object.keys(places);

/** A contender in a place of its own, which is fresh. */
export function playerOf(label: string): Player {
  const [, place = 'node'] = label.split(' in ');
  const open = places[place];
  const nowhere: Channel = { ask: () => Promise.resolve({ unable: 'no such place' }), kill: () => undefined };
  return new Player(label, open?.() ?? nowhere);
}
