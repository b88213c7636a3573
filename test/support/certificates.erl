%% Makes certificates with public_key, OTP's own maker of test data, and writes them as PEM files (see certificates.ts).
%% -extra holds a folder and one term: [{Name, Issuer, [dNSName | iPAddress], {From, To}}].

{ok, _} = application:ensure_all_started(public_key),
[Folder, Text] = init:get_plain_arguments(),
{ok, Tokens, _} = erl_scan:string(Text),
{ok, Wanted} = erl_parse:parse_term(Tokens),

Key = {key, {namedCurve, secp256r1}},
Digest = {digest, sha256},
Names = fun(Hosts) -> {extensions, [{'Extension', {2, 5, 29, 17}, false, Hosts}]} end,

Write = fun(Name, Entries) ->
    ok = file:write_file(filename:join(Folder, Name), public_key:pem_encode(Entries))
end,
WriteKey = fun(Name, Type, Der) -> Write(Name ++ ".key", [{Type, Der, not_encrypted}]) end,
Certificate = fun(Der) -> {'Certificate', Der, not_encrypted} end,

Issuer = fun(Name, Roots) ->
    case Roots of
        #{Name := Root} -> {Root, Roots};
        #{} ->
            Root = public_key:pkix_test_root_cert(Name, [Key, Digest]),
            Write(Name ++ ".ca", [Certificate(maps:get(cert, Root))]),
            {Root, Roots#{Name => Root}}
    end
end,

lists:foldl(
    fun ({Name, self, Hosts, _}, Roots) ->
            #{cert := Der, key := Private} = public_key:pkix_test_root_cert(Name, [Key, Digest, Names(Hosts)]),
            Write(Name ++ ".cert", [Certificate(Der)]),
            Write(Name ++ ".key", [public_key:pem_entry_encode(element(1, Private), Private)]),
            Roots;
        ({Name, By, Hosts, Validity}, Roots) ->
            {Root, More} = Issuer(By, Roots),
            Peer = [Key, Digest, Names(Hosts) | [{validity, Validity} || Validity =/= now]],
            Made = public_key:pkix_test_data(#{root => Root, intermediates => [], peer => Peer}),
            Write(Name ++ ".cert", [Certificate(proplists:get_value(cert, Made))]),
            {Type, Der} = proplists:get_value(key, Made),
            WriteKey(Name, Type, Der),
            More
    end, #{}, Wanted),
halt(0).
