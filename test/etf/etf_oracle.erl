%% The judge of the codec's tests: OTP's own term_to_binary and binary_to_term, fed in bulk through files of packets
%% <<Size:32, Bytes:Size/binary>>. Compiled and loaded by oracle.ts into the Erlang node of a test.
-module(etf_oracle).
-export([corpus/1, records/1, judge/2, differing/1, random/3, sorted/2]).

%% Five packets for each term: minor versions 2, 1 and 0, deterministic, compressed.
corpus(File) ->
    write(File, lists:append([encodings(Term) || Term <- terms()])).

%% As corpus, of native records that OTP's own syntax makes; and how it prints them. Nothing before OTP 29.
records(File) ->
    write(File, lists:append([encodings(Record) ++ [unicode:characters_to_binary(io_lib:format("~0tp", [Record]))]
                              || Record <- native_records()])).

native_records() ->
    Forms = [
        "-module(etf_records).",
        "-export([all/0]).",
        "-export_record([point]).",
        "-record #point{x = 1, y}.",
        "-record #hidden{first, second = #{}}.",
        "-record #'odd name'{'Field' = 1.0}.",
        "-record #none{}.",
        "all() ->"
        " P = #point{y = [a]}, H = #hidden{first = P},"
        " [P, P#point{x = 1.0}, P#point{x = -0.0, y = 'nil'}, H, H#hidden{second = #{P => 1, H => 2, {P} => 3}}, #'odd name'{}, #none{},"
        "  [P | H], {P, #none{}}, #{#none{} => a, P => b, H => c, 1.0 => d, {} => e, #{} => f, self() => g}, fun() -> H end]."],
    Parsed = [catch begin {ok, Tokens, _} = erl_scan:string(Form), {ok, Tree} = erl_parse:parse_form(Tokens), Tree end || Form <- Forms],
    case compile:forms(Parsed, []) of
        {ok, Module, Code} ->
            {module, Module} = code:load_binary(Module, "etf_records.erl", Code),
            Module:all();
        _ -> []
    end.

encodings(Term) ->
    [term_to_binary(Term, Options) || Options <- [
        [{minor_version, 2}], [{minor_version, 1}], [{minor_version, 0}],
        [deterministic, {minor_version, 2}], [compressed, {minor_version, 2}]]].

%% For each packet one answer: <<>> when OTP refuses it, otherwise the term as OTP writes it.
judge(In, Out) ->
    write(Out, [try term_to_binary(binary_to_term(Bytes), [{minor_version, 2}]) catch error:badarg -> <<>> end
                || Bytes <- read(In)]).

%% The indexes of those pairs of packets that are not the same term.
differing(In) -> differing(read(In), 0).

differing([A, B | Rest], Index) ->
    case catch binary_to_term(A) =:= binary_to_term(B) of
        true -> differing(Rest, Index + 1);
        _ -> [Index | differing(Rest, Index + 1)]
    end;
differing([], _) -> [].

%% Count random terms of every type, the same ones for the same seed.
random(Seed, Count, File) ->
    _ = rand:seed(exsss, Seed),
    write(File, [term_to_binary(term(8), [{minor_version, 2}]) || _ <- lists:seq(1, Count)]).

%% The packets in the order of lists:sort/1 of their terms.
sorted(In, Out) ->
    Terms = [{binary_to_term(Bytes), Bytes} || Bytes <- read(In)],
    write(Out, [Bytes || {_, Bytes} <- lists:sort(fun({A, _}, {B, _}) -> A =< B end, Terms)]).

read(File) ->
    {ok, All} = file:read_file(File),
    [Bytes || <<Size:32, Bytes:Size/binary>> <= All].

write(File, Packets) ->
    ok = file:write_file(File, [<<(byte_size(Packet)):32, Packet/binary>> || Packet <- Packets]),
    length(Packets).

terms() ->
    Integers = lists:append([[N, -N, N - 1, 1 - N, N + 1, -1 - N] || E <- [0, 7, 8, 15, 16, 27, 28, 30, 31, 32, 33, 40, 47, 48,
        52, 53, 54, 55, 56, 62, 63, 64, 65, 71, 72, 127, 128, 2039, 2040, 2041, 5000], N <- [1 bsl E]]),
    Floats = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 0.1, -0.1, 3.141592653589793, 1.0e20, 1.0e22, 1.0e300, -1.0e-300, 5.0e-324,
        1.7976931348623157e308, 2.2250738585072014e-308, 9007199254740993.0, 123456789.125],
    Atoms = [ok, '', true, false, undefined, nil, null, 'with space', 'héé', list_to_atom([955, 8364]), list_to_atom([128512]),
        list_to_atom(lists:duplicate(255, $x)), list_to_atom(lists:duplicate(255, 8364)), list_to_atom(lists:duplicate(130, 233)),
        '__proto__', constructor, a, ab, abc, abcd, abcde, abcdefgh, abcdefghi, list_to_atom(lists:duplicate(32, $y)),
        list_to_atom(lists:duplicate(33, $z))],
    Lists = [[], [1], "abc", [256], lists:seq(0, 255), lists:duplicate(65535, 1), lists:duplicate(65536, 1), [a | b], [1, 2 | 3],
        [[]], [[], []], [1 | <<>>], [[a | b] | c], [1, 2, 3, a], [1.0, 2, 3], [-1], lists:seq(250, 260), [1 bsl 70, 1]],
    Tuples = [{}, {1}, {a, b}, {{}}, {{{a}}}, list_to_tuple(lists:seq(1, 255)), list_to_tuple(lists:seq(1, 256)), {[], {}, #{}}],
    Binaries = [<<>>, <<0>>, <<"hello">>, <<"h\x{e9}llo"/utf8>>, <<255, 254>>, binary:copy(<<"ab">>, 5000), <<"\x{20ac}\x{1f600}"/utf8>>,
        <<1:1>>, <<5:3>>, <<127:7>>, <<1, 2, 3:2>>, <<0:9>>, <<16#ef, 16#bb, 16#bf, "bom">>, <<0, 1, 2, 0>>],
    Maps = [#{}, #{a => 1}, #{1 => 2, 1.0 => 3}, #{<<"a">> => 1, a => 2, "a" => 3}, #{#{} => #{}}, #{{1} => a, {1.0} => b},
        #{#{a => 1} => x, #{a => 1.0} => y}, maps:from_list([{N, N} || N <- lists:seq(1, 40)]), #{'__proto__' => 1, constructor => 2},
        #{true => 1, false => 2, undefined => 3, nil => 4}, #{[] => 1, {} => 2, <<>> => 3, '' => 4}, #{2 => a, 0.5 => b, -1 => c},
        #{<<1:3>> => a, <<2:3>> => b}, #{<<"x">> => #{<<"y">> => [#{<<"z">> => nil}]}}, #{1 bsl 70 => 1, 1 bsl 71 => 2},
        maps:from_list(lists:append([[{N, a}, {float(N), b}, {{N}, c}, {[N / 2], d}, {<<N>>, e}, {#{N => float(N)}, f}, {#{float(N) => N}, g}]
            || N <- lists:seq(-20, 20)])),
        #{1 => #{2.0 => a, 2 => b, -1.5 => c, a => #{0.5 => 1, 2 => 2, b => 3}}, 1.0 => 3, {1} => 4, {1.0} => 5, [] => 6, <<>> => 7},
        maps:from_list([{list_to_atom("k" ++ integer_to_list(N)), {N, float(N)}} || N <- lists:seq(1, 20)])],
    Identifiers = [self(), hd(erlang:ports()), make_ref(), lists:last(erlang:ports()) | foreign()],
    Funs = [fun lists:map/2, fun erlang:'+'/2, fun() -> ok end, closure(1, a), closure(#{x => [1.0]}, self()), closure(make_ref(), fun() -> 1 end)],
    Singles = Integers ++ Floats ++ Atoms ++ Lists ++ Tuples ++ Binaries ++ Maps ++ Identifiers ++ Funs,
    Singles ++ [{'$gen_call', {self(), [alias | make_ref()]}, {get, 42}}, list_to_tuple(Floats), Atoms, Maps, Funs, Identifiers,
        [{X, Y} || X <- [1, a, <<"b">>], Y <- [1.5, "s", {}]]].

closure(A, B) -> fun(C) -> {A, B, C} end.

%% Identifiers of other nodes and in all widths, made from bytes because there is no other way.
foreign() ->
    Node = <<119, 6, "js1@h1">>,
    [binary_to_term(Bytes) || Bytes <- [
        <<131, 88, Node/binary, 1:32, 2:32, 3:32>>, <<131, 88, Node/binary, 16#ffffffff:32, 16#ffffffff:32, 16#ffffffff:32>>,
        <<131, 88, 119, 3, "nil", 1:32, 0:32, 5:32>>, <<131, 89, Node/binary, 16#fffffff:32, 7:32>>,
        <<131, 120, Node/binary, 1:64, 7:32>>, <<131, 120, Node/binary, 16#fffffffffffff:64, 7:32>>,
        <<131, 120, Node/binary, 16#ffffffffffffffff:64, 7:32>>,
        <<131, 90, 1:16, Node/binary, 9:32, 1:32>>, <<131, 90, 3:16, Node/binary, 9:32, 1:32, 2:32, 3:32>>,
        <<131, 90, 5:16, Node/binary, 9:32, 1:32, 2:32, 3:32, 4:32, 16#ffffffff:32>>]].

%% A random term; fewer and fewer containers the deeper it gets.
term(0) -> leaf(rand:uniform(14));
term(Depth) ->
    case rand:uniform(24) of
        1 -> list_to_tuple(many(Depth));
        2 -> many(Depth);
        3 -> maps:from_list([{key(Depth), term(Depth - 1)} || _ <- many(1)]);
        4 -> many(Depth) ++ term(Depth - 1);
        5 -> closure(term(Depth - 1), term(Depth - 1));
        6 -> [N rem 256 || N <- lists:seq(1, rand:uniform(300))];
        7 -> [rand:uniform(1000) || _ <- many(1)];
        8 -> {ok, term(Depth - 1)};
        9 -> maps:from_list([{atom(), term(Depth - 1)} || _ <- many(1)]);
        10 -> maps:from_list([{text(), term(Depth - 1)} || _ <- many(1)]);
        N -> leaf(N - 10)
    end.

many(Depth) -> [term(Depth - 1) || _ <- lists:seq(1, rand:uniform(6) - 1)].

%% -0.0 is left out of keys: before OTP 27 it is the same key as 0.0.
key(Depth) ->
    Key = term(Depth - 1),
    case binary:match(term_to_binary(Key), <<70, 128, 0:56>>) of
        nomatch -> Key;
        _ -> key(Depth)
    end.

leaf(1) -> rand:uniform(300) - 20;
leaf(2) -> (rand:uniform(1 bsl 33) - (1 bsl 32));
leaf(3) -> sign() * rand:uniform(1 bsl rand:uniform(200));
leaf(4) -> sign() * rand:uniform() * math:pow(10, rand:uniform(40) - 20);
leaf(5) -> float(rand:uniform(1000) - 500);
leaf(6) -> bits_to_float(rand:uniform(1 bsl 64) - 1);
leaf(7) -> atom();
leaf(8) -> lists:nth(rand:uniform(6), [true, false, undefined, nil, [], {}]);
leaf(9) -> text();
leaf(10) -> rand:bytes(rand:uniform(40) - 1);
leaf(11) -> Bits = rand:uniform(60), <<(rand:uniform(1 bsl Bits) - 1):Bits>>;
leaf(12) -> lists:nth(rand:uniform(3), [self(), make_ref(), hd(erlang:ports())]);
leaf(13) -> lists:nth(rand:uniform(10), foreign());
leaf(14) -> lists:nth(rand:uniform(3), [fun lists:map/2, fun io:format/1, closure(a, 1)]).

sign() -> lists:nth(rand:uniform(2), [1, -1]).

bits_to_float(Bits) ->
    case <<Bits:64>> of
        <<Float/float>> -> Float;
        _ -> 1.5
    end.

atom() -> list_to_atom(characters(rand:uniform(3), rand:uniform(10) - 1)).

text() -> unicode:characters_to_binary(characters(rand:uniform(4), rand:uniform(40) - 1)).

characters(1, Size) -> [96 + rand:uniform(3) || _ <- lists:seq(1, min(Size, 4))];
characters(2, Size) -> [31 + rand:uniform(95) || _ <- lists:seq(1, min(Size, 3))];
characters(3, Size) -> [lists:nth(rand:uniform(6), [97, 233, 955, 8364, 128512, 65533]) || _ <- lists:seq(1, min(Size, 3))];
characters(4, Size) -> [31 + rand:uniform(95) || _ <- lists:seq(1, Size)].
