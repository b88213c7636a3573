%% Makes certificates with public_key, OTP's own maker of test data, and writes them as PEM files (see certificates.ts).
%% -extra holds a folder and two terms: [{Name, Issuer, [dNSName | iPAddress], {From, To}}], and the names of those whose
%% authorities have revoked them: these write a list of what they have revoked.

{ok, _} = application:ensure_all_started(public_key),
[Folder | Texts] = init:get_plain_arguments(),
[Wanted, Revoked] = [
    begin
        {ok, Tokens, _} = erl_scan:string(Text),
        {ok, Term} = erl_parse:parse_term(Tokens),
        Term
    end || Text <- Texts
],

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

Roots = lists:foldl(
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

Plain = fun(Der) -> element(2, public_key:pkix_decode_cert(Der, plain)) end,
Serial = fun(Name) ->
    {ok, Pem} = file:read_file(filename:join(Folder, Name ++ ".cert")),
    [{_, Der, _} | _] = public_key:pem_decode(Pem),
    element(3, Plain(Der))
end,
Time = fun(Years) ->
    {{Year, Month, Day}, _} = calendar:universal_time(),
    {utcTime, lists:flatten(io_lib:format("~2..0w~2..0w~2..0w000000Z", [(Year + Years) rem 100, Month, min(Day, 28)]))}
end,
[
    begin
        #{cert := Der, key := Private} = maps:get(By, Roots),
        Sha256 = {'AlgorithmIdentifier', {1, 2, 840, 10045, 4, 3, 2}, asn1_NOVALUE},
        Gone = [
            {'TBSCertList_revokedCertificates_SEQOF', Serial(Name), Time(-1), asn1_NOVALUE}
            || {Name, Its, _, _} <- Wanted, Its =:= By, lists:member(Name, Revoked)
        ],
        List = {'TBSCertList', v2, Sha256, element(7, Plain(Der)), Time(-1), Time(1), Gone, asn1_NOVALUE},
        Signature = public_key:sign(public_key:der_encode('TBSCertList', List), sha256, Private),
        Whole = public_key:der_encode('CertificateList', {'CertificateList', List, Sha256, Signature}),
        Write(By ++ ".crl", [{'CertificateList', Whole, not_encrypted}])
    end || By <- lists:usort([Its || {Name, Its, _, _} <- Wanted, lists:member(Name, Revoked)])
],
halt(0).
