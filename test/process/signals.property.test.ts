// Two nodes, six processes, any interleaving of what they do, of signals under way, and of lost connections: world.ts.
import fc from 'fast-check';
import { test } from 'vitest';
import { cut, delivery, run, type Step, step } from './world.js';

test('as long as the connection holds', () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: step }, { weight: 2, arbitrary: delivery }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (all) => run(all)),
    { numRuns: 1000 },
  );
});

test('with connections that are lost at any time', () => {
  const any = fc.oneof(
    { weight: 6, arbitrary: step },
    { weight: 4, arbitrary: delivery },
    { weight: 1, arbitrary: cut },
  );
  fc.assert(
    fc.property(fc.array(any, { maxLength: 60 }), (all) => run(all)),
    { numRuns: 1000 },
  );
});

test('links alone: two processes that link and unlink as they please', () => {
  const linking = fc.tuple(fc.boolean(), fc.boolean()).map(
    ([first, link]): Step =>
      (world) => {
        const [one, other] = first ? [world.any(0), world.any(1)] : [world.any(1), world.any(0)];
        if (link) one.link(other.pid);
        else one.unlink(other.pid);
      },
  );
  const steps = fc.array(fc.oneof(linking, linking, delivery), { minLength: 5, maxLength: 100 });
  fc.assert(
    fc.property(steps, (all) => run(all)),
    { numRuns: 1000 },
  );
});
