// What libcluster's Gossip strategy does, for a BEAM that a test starts: to be evaluated there. Nothing leaves loopback.

/** What libcluster does: sends heartbeats, and connects to whoever sends one. `Seal` and `Open` are about the secret. */
export function gossiper(port: number | undefined, secret: string | undefined): string {
  const key = `crypto:hash(sha256, <<"${secret}">>)`;
  const seal = `fun(Plain) ->
      Iv = crypto:strong_rand_bytes(16),
      Sealed = crypto:crypto_one_time(aes_256_cbc, ${key}, Iv, Plain, [{encrypt, true}, {padding, pkcs_padding}]),
      [Iv, Sealed] end`;
  const open = `fun(<<Iv:16/binary, Sealed/binary>>) ->
      crypto:crypto_one_time(aes_256_cbc, ${key}, Iv, Sealed, [{encrypt, false}, {padding, pkcs_padding}]) end`;
  const same = 'fun(Plain) -> Plain end';
  return `
    Seal = ${secret === undefined ? same : seal}, Open = ${secret === undefined ? same : open},
    spawn(fun() ->
      Group = {233, 252, 1, 32}, Lo = {127, 0, 0, 1},
      {ok, Socket} = gen_udp:open(${port}, [binary, {active, true}, {reuseaddr, true}, {multicast_ttl, 1},
        {multicast_loop, true}, {multicast_if, Lo}, {add_membership, {Group, Lo}}]),
      Beat = fun() ->
        Text = <<"heartbeat::", (term_to_binary(#{node => node()}))/binary>>,
        ok = gen_udp:send(Socket, Group, ${port}, Seal(Text)) end,
      Loop = fun Loop() ->
        receive
          {udp, _, _, _, Bytes} ->
            try Open(Bytes) of
              <<"heartbeat::", Term/binary>> ->
                case binary_to_term(Term) of
                  #{node := Node} when Node =/= node() -> spawn(net_kernel, connect_node, [Node]);
                  _ -> ok
                end;
              _ -> ok
            catch _:_ -> ok end
        after 100 -> Beat()
        end, Loop() end,
      register(gossiper, self()), Beat(), Loop()
    end), ok.`;
}
