%% An -epmd_module that behaves as epmdless_client does: a table of nodes that is filled by hand, ports that differ from
%% node to node, and ERL_DIST_PORT for this node and for nodes that are not in the table.
-module(epmd_table).
-behaviour(gen_server).

-export([start_link/0, register_node/2, register_node/3, listen_port_please/2, address_please/3, port_please/2,
         port_please/3, names/1]).
-export([add_node/2, add_node/4, remove_node/1, list_nodes/0, get_info/0]).
-export([init/1, handle_call/3, handle_cast/2]).

start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

register_node(Name, Port) -> register_node(Name, Port, inet).
register_node(_Name, Port, _Driver) -> gen_server:call(?MODULE, {listening, Port}).

listen_port_please(_Name, _Host) -> {ok, gen_server:call(?MODULE, own_port)}.

address_please(Name, Host, Family) ->
    case inet:getaddr(Host, Family) of
        {ok, Ip} ->
            case port_please(Name, Ip) of
                {port, Port, Version} -> {ok, Ip, Port, Version};
                noport -> {error, noport}
            end;
        Error -> Error
    end.

port_please(Name, Ip) -> port_please(Name, Ip, infinity).
port_please(Name, Ip, _Timeout) -> gen_server:call(?MODULE, {port, text(Name), Ip}).

names(_Host) -> {error, address}.

%% Node is name@host; the host is looked up now.
add_node(Node, Port) ->
    case string:split(text(Node), "@") of
        [Name, Host] ->
            case inet:getaddr(Host, inet) of
                {ok, Ip} -> add_node(Name, Host, Ip, Port);
                Error -> Error
            end;
        _ -> {error, {bad_name, Node}}
    end.
add_node(Name, Host, Ip, Port) -> gen_server:call(?MODULE, {add, {Name, Ip}, {Host, Port}}).

remove_node(Node) ->
    [Name, Host] = string:split(text(Node), "@"),
    {ok, Ip} = inet:getaddr(Host, inet),
    gen_server:call(?MODULE, {remove, {Name, Ip}}).

list_nodes() -> gen_server:call(?MODULE, list).
get_info() -> [{dist_port, gen_server:call(?MODULE, own_port)}].

init([]) -> {ok, {env("ERL_DIST_PORT", 0), #{}}}.

handle_call({listening, Port}, _From, {_, Table}) -> {reply, {ok, rand:uniform(3)}, {Port, Table}};
handle_call(own_port, _From, {Port, _} = State) -> {reply, Port, State};
handle_call({add, Key, Place}, _From, {Port, Table}) -> {reply, ok, {Port, Table#{Key => Place}}};
handle_call({remove, Key}, _From, {Port, Table}) -> {reply, ok, {Port, maps:remove(Key, Table)}};
handle_call(list, _From, {_, Table} = State) -> {reply, maps:to_list(Table), State};
handle_call({port, Name, Ip}, _From, {_, Table} = State) ->
    Port = case Table of
        #{{Name, Ip} := {_Host, Known}} -> Known;
        _ -> env("EPMDLESS_REMSH_PORT", env("ERL_DIST_PORT", 0))
    end,
    {reply, case Port of 0 -> noport; _ -> {port, Port, 5} end, State}.

handle_cast(_, State) -> {noreply, State}.

env(Variable, Default) ->
    case os:getenv(Variable) of
        false -> Default;
        Value -> list_to_integer(Value)
    end.

text(Name) when is_atom(Name) -> atom_to_list(Name);
text(Name) -> Name.
