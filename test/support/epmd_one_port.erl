%% An -epmd_module that behaves as epmdless_static does: ERL_DIST_PORT, else -erl_epmd_port, is where this node listens
%% and where every other one does, too.
-module(epmd_one_port).

-export([start_link/0, register_node/2, register_node/3, listen_port_please/2, address_please/3, port_please/2,
         port_please/3, names/1]).

start_link() -> ignore.

register_node(Name, Port) -> register_node(Name, Port, inet).
register_node(_Name, _Port, _Driver) -> {ok, rand:uniform(3)}.

listen_port_please(_Name, _Host) -> {ok, the_port()}.

address_please(_Name, Host, Family) -> inet:getaddr(Host, Family).

port_please(Name, Ip) -> port_please(Name, Ip, infinity).
port_please(_Name, _Ip, _Timeout) ->
    case the_port() of
        0 -> noport;
        Port -> {port, Port, 5}
    end.

names(_Host) -> {error, address}.

the_port() ->
    case {os:getenv("ERL_DIST_PORT"), init:get_argument(erl_epmd_port)} of
        {false, {ok, [[Port] | _]}} -> list_to_integer(Port);
        {false, _} -> 0;
        {Port, _} -> list_to_integer(Port)
    end.
