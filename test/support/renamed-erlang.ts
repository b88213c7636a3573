// A real Erlang node that takes one name after the other, on an address of loopback each: for tests that need many names
// and would start a BEAM for every one.
import { type Erlang, startErlang } from './erlang.js';
import { freePort } from './free-port.js';

export interface RenamedErlang {
  /** Where it listens, whatever it is called. */
  readonly port: number;
  readonly cookie: string;
  /** From now on it is called this, and listens on this address. */
  become(name: string, address?: string): Promise<void>;
  eval: Erlang['eval'];
  stop(): Promise<void>;
}

/** Its port is fixed (`-erl_epmd_port`), and no EPMD knows it. */
export async function startRenamedErlang(): Promise<RenamedErlang> {
  const cookie = 'renamed';
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const args = ['-erl_epmd_port', `${port}`, '-start_epmd', 'false'];
    // Nothing listens at port 1.
    const erlang = await startErlang({ name: false, args, env: { ERL_EPMD_PORT: '1' } });
    const become = async (name: string, address = '127.0.0.1') => {
      const kind = name.slice(name.indexOf('@')).includes('.') ? 'longnames' : 'shortnames';
      await erlang.eval(`net_kernel:stop(),
        application:set_env(kernel, inet_dist_use_interface, {${address.replaceAll('.', ', ')}}),
        {ok, _} = net_kernel:start(['${name}', ${kind}]), erlang:set_cookie(node(), ${cookie}).`);
    };
    try {
      await become('renamed@127.0.0.1');
      return { port, cookie, become, eval: erlang.eval.bind(erlang), stop: () => erlang.stop() };
    } catch (error) {
      await erlang.stop();
      // Somebody else may have taken the port meanwhile.
      if (attempt === 3) throw error;
    }
  }
}
