%% The BEAM's half of the distribution benchmark: the same work against a BEAM and against a node of ours.
-module(dist_bench).
-export([start/0, echo/2, flood/4, calls/3, init/1, handle_call/3, handle_cast/2]).
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
