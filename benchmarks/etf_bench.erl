%% Times OTP's own codec on the payloads of payloads.ts: packets <<Size:32, Bytes>> in a file. Prints a line
%% "EncodeNs EncodeLow EncodeHigh DecodeNs DecodeLow DecodeHigh" for each.
-module(etf_bench).
-export([run/3]).

run(File, Rounds, SliceMs) ->
    {ok, All} = file:read_file(File),
    [one(binary:copy(Bytes), Rounds, SliceMs) || <<Size:32, Bytes:Size/binary>> <= All],
    ok.

one(Bytes, Rounds, SliceMs) ->
    Term = binary_to_term(Bytes),
    Encode = fun() -> term_to_binary(Term, [{minor_version, 2}]) end,
    Decode = fun() -> binary_to_term(Bytes) end,
    io:format("~ts ~ts~n", [time(Encode, Rounds, SliceMs), time(Decode, Rounds, SliceMs)]).

time(Fun, Rounds, SliceMs) ->
    _ = loop(Fun, 100),
    Once = max(1, loop(Fun, 100) / 100),
    Times = max(1, round(SliceMs * 1.0e6 / Once)),
    Sorted = lists:sort([begin garbage_collect(), loop(Fun, Times) / Times end || _ <- lists:seq(1, Rounds)]),
    io_lib:format("~.1f ~.1f ~.1f", [lists:nth(Rounds div 2 + 1, Sorted), hd(Sorted), lists:last(Sorted)]).

loop(Fun, Times) ->
    Start = erlang:monotonic_time(nanosecond),
    repeat(Fun, Times),
    erlang:monotonic_time(nanosecond) - Start.

repeat(_, 0) -> ok;
repeat(Fun, Times) -> Fun(), repeat(Fun, Times - 1).
