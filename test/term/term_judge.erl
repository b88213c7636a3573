%% The judge of the terms' tests: OTP's own order, equality, printer and parser, fed in bulk through files of packets
%% <<Size:32, Bytes:Size/binary>>. Compiled and loaded by judge.ts into the Erlang node of a test.
-module(term_judge).
-export([sorted/2, related/2, printed/4, parsed/2]).

%% The packets (terms) in the order of lists:sort/1, equal ones in the order in which they came.
sorted(In, Out) ->
    Terms = [{binary_to_term(Bytes), Bytes} || Bytes <- read(In)],
    write(Out, [Bytes || {_, Bytes} <- lists:sort(fun({A, _}, {B, _}) -> A =< B end, Terms)]).

%% For each pair of packets: is the first smaller, are they ==, are they =:=, do they come in this order as map keys?
related(In, Out) ->
    write(Out, relations(read(In))).

relations([Left, Right | Rest]) ->
    A = binary_to_term(Left),
    B = binary_to_term(Right),
    [[bit(A < B), bit(A == B), bit(A =:= B), bit(#{A => 0} < #{B => 0})] | relations(Rest)];
relations([]) -> [].

bit(true) -> 1;
bit(false) -> 0.

%% For each packet two answers: the term as OTP writes it, entries of maps in its own order, and as it prints it.
printed(In, Out, Format, More) ->
    write(Out, lists:append([begin
        Term = binary_to_term(Bytes),
        [term_to_binary(Term, [{minor_version, 2}]),
            unicode:characters_to_binary(io_lib:format(Format, [Term | More]))]
    end || Bytes <- read(In)])).

%% For each packet (a text) the term that it is, or <<>>.
parsed(In, Out) ->
    write(Out, [parse(unicode:characters_to_list(Text)) || Text <- read(In)]).

parse(Text) ->
    try
        {ok, Tokens, End} = erl_scan:string(Text),
        Dotted = case lists:last([none | Tokens]) of
            {dot, _} -> Tokens;
            _ -> Tokens ++ [{dot, End}]
        end,
        {ok, Term} = erl_parse:parse_term(Dotted),
        term_to_binary(Term, [{minor_version, 2}])
    catch _:_ -> <<>>
    end.

read(File) ->
    {ok, All} = file:read_file(File),
    [Bytes || <<Size:32, Bytes:Size/binary>> <= All].

write(File, Packets) ->
    ok = file:write_file(File, [<<(iolist_size(Packet)):32, (iolist_to_binary(Packet))/binary>> || Packet <- Packets]),
    length(Packets).
