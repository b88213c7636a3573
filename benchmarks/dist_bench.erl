%% The BEAM's half of the distribution benchmark: the same work against a BEAM and against a node of ours.
-module(dist_bench).
-export([start/0, echo/2, flood/4, calls/3, connects/3, spawns/2, nothing/0]).
-export([bare_serve/0, bare_echo/2, bare_flood/3]).
-export([init/1, handle_call/3, handle_cast/2]).
-behaviour(gen_server).

%% Servers that the other side works against.
start() ->
    spawn(fun() -> register(echo, self()), echo_loop() end),
    spawn(fun() -> register(sink, self()), sink_loop() end),
    {ok, _} = gen_server:start({local, server}, ?MODULE, [], []),
    ok.

echo_loop() ->
    receive {From, Message} -> From ! Message, echo_loop() end.

sink_loop() ->
    receive
        {done, From} -> From ! done, sink_loop();
        _ -> sink_loop()
    end.

init([]) -> {ok, []}.
handle_call(Request, _From, State) -> {reply, Request, State}.
handle_cast(_, State) -> {noreply, State}.

%% Round trips of a small message: nanoseconds, {median, 99th percentile}.
echo(Node, Count) ->
    To = {echo, Node},
    [trip(To, I) || I <- lists:seq(1, Count div 5)],
    Times = lists:sort([trip(To, I) || I <- lists:seq(1, Count)]),
    {lists:nth(max(1, Count div 2), Times), lists:nth(max(1, Count * 99 div 100), Times)}.

trip(To, I) ->
    T = erlang:monotonic_time(nanosecond),
    To ! {self(), I},
    receive I -> erlang:monotonic_time(nanosecond) - T end.

%% One-way: nanoseconds until everything has been received and that was confirmed.
flood(Node, Count, small, _) -> flood(Node, Count, {position, 12, 34, <<"hello">>});
flood(Node, Count, binary, Size) -> flood(Node, Count, binary:copy(<<7>>, Size)).

flood(Node, Count, Message) ->
    To = {sink, Node},
    T = erlang:monotonic_time(nanosecond),
    send(To, Count, Message),
    To ! {done, self()},
    receive done -> erlang:monotonic_time(nanosecond) - T end.

send(_, 0, _) -> ok;
send(To, Count, Message) -> To ! Message, send(To, Count - 1, Message).

%% gen_server calls of several callers at once: nanoseconds for all of them.
calls(Node, Callers, Each) ->
    Self = self(),
    T = erlang:monotonic_time(nanosecond),
    Pids = [spawn_link(fun() ->
        [{get, I} = gen_server:call({server, Node}, {get, I}) || I <- lists:seq(1, Each)],
        Self ! {self(), finished}
    end) || _ <- lists:seq(1, Callers)],
    [receive {Pid, finished} -> ok end || Pid <- Pids],
    erlang:monotonic_time(nanosecond) - T.

%% Connections made, one after the other: {rate, nanoseconds} to Caller, which may be on the node that is connected to.
connects(Node, Count, Caller) ->
    spawn(fun() ->
        T = erlang:monotonic_time(nanosecond),
        connect(Node, Count),
        Caller ! {rate, erlang:monotonic_time(nanosecond) - T}
    end).

connect(_, 0) -> ok;
connect(Node, Count) ->
    erlang:disconnect_node(Node),
    true = net_kernel:connect_node(Node),
    connect(Node, Count - 1).

%% Processes spawned there, one after the other: nanoseconds.
spawns(Node, Count) ->
    T = erlang:monotonic_time(nanosecond),
    [spawned(Node) || _ <- lists:seq(1, Count)],
    erlang:monotonic_time(nanosecond) - T.

spawned(Node) ->
    Ref = spawn_request(Node, ?MODULE, nothing, [], []),
    receive {spawn_reply, Ref, ok, _} -> ok end.

nothing() -> ok.

%% The same without the distribution: packets over gen_tcp. A 1 in front asks for the packet back.
bare_serve() ->
    Self = self(),
    spawn(fun() ->
        {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}} | bare_options()]),
        {ok, Port} = inet:port(Listener),
        Self ! {port, Port},
        bare_accept(Listener)
    end),
    receive {port, Port} -> Port end.

bare_options() -> [binary, {packet, 4}, {active, true}, {nodelay, true}].

bare_accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> bare_loop(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    bare_accept(Listener).

bare_loop(Socket) ->
    receive
        {tcp, Socket, <<1, _/binary>> = Packet} -> ok = gen_tcp:send(Socket, Packet), bare_loop(Socket);
        {tcp, Socket, _} -> bare_loop(Socket);
        {tcp_closed, Socket} -> ok
    end.

bare_connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, bare_options()),
    Socket.

bare_echo(Port, Count) ->
    Socket = bare_connect(Port),
    Packet = binary:copy(<<1>>, 40),
    [bare_trip(Socket, Packet) || _ <- lists:seq(1, Count div 5)],
    Times = lists:sort([bare_trip(Socket, Packet) || _ <- lists:seq(1, Count)]),
    gen_tcp:close(Socket),
    {lists:nth(max(1, Count div 2), Times), lists:nth(max(1, Count * 99 div 100), Times)}.

bare_trip(Socket, Packet) ->
    T = erlang:monotonic_time(nanosecond),
    ok = gen_tcp:send(Socket, Packet),
    receive {tcp, Socket, _} -> erlang:monotonic_time(nanosecond) - T end.

bare_flood(Port, Count, Size) ->
    Socket = bare_connect(Port),
    Packet = binary:copy(<<0>>, Size),
    T = erlang:monotonic_time(nanosecond),
    [ok = gen_tcp:send(Socket, Packet) || _ <- lists:seq(1, Count)],
    ok = gen_tcp:send(Socket, <<1>>),
    receive {tcp, Socket, _} -> ok end,
    Time = erlang:monotonic_time(nanosecond) - T,
    gen_tcp:close(Socket),
    Time.
