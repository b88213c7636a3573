// A key-value store as a generic server. `wait_for` is answered later, when somebody puts the key; meanwhile the server
// serves others.
//
// Run:    node docs/examples/gen-server.mjs
// Then:   erl -name e@127.0.0.1 -setcookie secret
//         1> Store = {store, 'ts@127.0.0.1'}.
//         {store,'ts@127.0.0.1'}
//         2> gen_server:call(Store, {get, colour}).
//         undefined
//         3> Shell = self(), spawn(fun() -> Shell ! gen_server:call(Store, {wait_for, colour}) end).
//         <0.90.0>
//         4> gen_server:cast(Store, {put, colour, "blue"}).
//         ok
//         5> receive Colour -> Colour end.
//         "blue"
//         6> gen_server:call(Store, {get, colour}).
//         "blue"
//         7> catch gen_server:call(Store, nonsense).
//         {'EXIT',{{bad_request,nonsense},{gen_server,call,[{store,'ts@127.0.0.1'},nonsense]}}}

import { Atom, atom, ExitError, format, genServer, NO_REPLY, reply, startNode, Tuple, tuple } from 'erlnode';
import { epmd } from 'erlnode/discovery';

const node = await startNode('ts@127.0.0.1', { cookie: 'secret', discovery: epmd({ embedded: true }) });
process.once('SIGINT', () => node.stop());

node.spawn(genServer(store()), { name: 'store' });

function store() {
  const values = new Map();
  const waiting = [];
  return {
    handleCall(request, from) {
      const [what, key] = request instanceof Tuple ? request : [];
      if (what === atom('get')) return values.get(name(key));
      if (what === atom('wait_for')) {
        waiting.push({ from, key });
        return NO_REPLY;
      }
      const reason = tuple(atom('bad_request'), request);
      // The caller gets the reason; the message may end in a log, where requests have no business.
      throw new ExitError('exit', 'no such request', reason);
    },

    handleCast(request, self) {
      const [what, key, value] = request instanceof Tuple ? request : [];
      if (what !== atom('put')) return;
      values.set(name(key), value);
      for (const one of waiting.splice(0)) {
        if (one.key === key) reply(self, one.from, value);
        else waiting.push(one);
      }
    },
  };
}

/** Terms that are equal need not be the same object; keys here are atoms, or what prints alike. */
function name(key) {
  return key instanceof Atom ? key : format(key);
}
