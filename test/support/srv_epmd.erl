%% A module for -epmd_module that behaves as DynamicSrv's is described: name@host is name.host in DNS, whose address
%% comes from A and whose port from the first SRV record, and release helpers find their own release on this machine.
%% ERL_DIST_PORT is the port of this node; ERLNODE_DNS_PORT that of the name server on loopback.
-module(srv_epmd).
-export([start_link/0, names/1, register_node/2, register_node/3, listen_port_please/2, address_please/3]).

start_link() -> ignore.

names(_Host) -> {error, address}.

register_node(Name, Port) -> register_node(Name, Port, inet).
register_node(_Name, _Port, _Driver) -> {ok, rand:uniform(3)}.

listen_port_please(Name, _Host) ->
    case atom_to_list(Name) of
        "rpc-" ++ _ -> {ok, 0};
        "rem-" ++ _ -> {ok, 0};
        _ -> {ok, dist_port()}
    end.

address_please(Name, Host, _Family) ->
    Wanted = Name ++ "." ++ Host,
    Own = lists:map(fun($@) -> $.; (Char) -> Char end, atom_to_list(node())),
    case re:run(Own, "^((rpc|rem)-.*-)?" ++ Wanted ++ "$") of
        {match, _} -> {ok, {127, 0, 0, 1}, dist_port(), 5};
        nomatch -> from_dns(ask(Wanted, a), ask(Wanted, srv))
    end.

from_dns([Address | _], [{_Priority, _Weight, Port, _Target} | _]) -> {ok, Address, Port, 5};
from_dns(_, _) -> {error, nxdomain}.

ask(Name, Type) ->
    Server = {{127, 0, 0, 1}, list_to_integer(os:getenv("ERLNODE_DNS_PORT"))},
    inet_res:lookup(Name, in, Type, [{nameservers, [Server]}, {edns, 0}, {timeout, 5000}]).

dist_port() -> list_to_integer(os:getenv("ERL_DIST_PORT")).
