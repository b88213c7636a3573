%% The evaluator inside every Erlang node of the tests, run by `-eval 'file:eval(...)'` (see erlang.ts).
%% Requests and answers are packets on file descriptor 3, <<Id:32, Kind, Text/binary>>, so nothing the node prints can
%% get between them. The evaluator is a process of its own: its mailbox holds only what tests send to self().

Text = fun(Format, Args) -> unicode:characters_to_binary(io_lib:format(Format, Args)) end,

Parse = fun(Source) ->
    case erl_scan:string(unicode:characters_to_list(Source)) of
        {ok, Tokens, End} ->
            Dotted = case lists:last([none | Tokens]) of
                {dot, _} -> Tokens;
                _ -> Tokens ++ [{dot, End}]
            end,
            case erl_parse:parse_exprs(Dotted) of
                {ok, Exprs} -> Exprs;
                {error, {_, Module, Why}} -> throw({'$syntax', Module:format_error(Why)})
            end;
        {error, {_, Module, Why}, _} -> throw({'$syntax', Module:format_error(Why)})
    end
end,

Evaluator = fun Evaluator(Controller, Bindings) ->
    receive
        {'$eval', Controller, Source} ->
            After = try
                {value, Value, New} = erl_eval:exprs(Parse(Source), Bindings),
                Controller ! {'$done', self(), $v, Text("~0tp", [Value]), New},
                New
            catch
                throw:{'$syntax', Why} ->
                    Controller ! {'$done', self(), $e, Text("syntax error: ~ts", [Why]), Bindings},
                    Bindings;
                Class:Reason:Stack ->
                    Frames = [Frame || Frame <- Stack, not lists:member(element(1, Frame), [erl_eval, init])],
                    Controller ! {'$done', self(), $e, Text("~ts: ~0tp~n  in ~0tp", [Class, Reason, Frames]), Bindings},
                    Bindings
            end,
            Evaluator(Controller, After)
    end
end,

Start = fun(Bindings) ->
    Controller = self(),
    Pid = spawn(fun() -> Evaluator(Controller, Bindings) end),
    {Pid, monitor(process, Pid)}
end,

Loop = fun Loop(Port, {Pid, Monitor}, Bindings) ->
    receive
        {Port, {data, <<Id:32, Source/binary>>}} ->
            Pid ! {'$eval', self(), Source},
            receive
                {'$done', Pid, Kind, Answer, New} ->
                    port_command(Port, [<<Id:32, Kind>>, Answer]),
                    Loop(Port, {Pid, Monitor}, New);
                {'DOWN', Monitor, _, _, Reason} ->
                    port_command(Port, [<<Id:32, $e>>, Text("the evaluating process was killed: ~0tp", [Reason])]),
                    Loop(Port, Start(Bindings), Bindings);
                {Port, eof} -> erlang:halt(0, [{flush, false}]);
                {'EXIT', Port, _} -> erlang:halt(0, [{flush, false}])
            end;
        {'DOWN', Monitor, _, _, _} -> Loop(Port, Start(Bindings), Bindings);
        {Port, eof} -> erlang:halt(0, [{flush, false}]);
        {'EXIT', Port, _} -> erlang:halt(0, [{flush, false}])
    end
end,

spawn(fun() ->
    process_flag(trap_exit, true),
    Port = open_port({fd, 3, 3}, [binary, {packet, 4}, eof]),
    port_command(Port, [<<0:32, $r>>, Text("~ts ~ts", [erlang:system_info(otp_release), node()])]),
    Loop(Port, Start(erl_eval:new_bindings()), erl_eval:new_bindings())
end).
