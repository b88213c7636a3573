// The public door: re-exports only.
export type { Discovery, NodeName, Registration } from './discovery/discovery.js';
export {
  ArgumentError,
  type ArgumentErrorCode,
  ConnectionError,
  type ConnectionErrorCode,
  DecodeError,
  type DecodeErrorCode,
  ErlnodeError,
  ExitError,
  type ExitErrorCode,
  HandshakeError,
  type HandshakeErrorCode,
  LimitError,
  type LimitErrorCode,
  ProtocolError,
  type ProtocolErrorCode,
  TableFileError,
} from './errors.js';
export { type Cluster, type ClusterNode, type ClusterOptions, cluster } from './membership/cluster.js';
export { type DnsPollOptions, dnsPoll, type NamingOptions, type SrvNaming } from './membership/dns-poll.js';
export { type EpmdNamesOptions, epmdNames } from './membership/epmd-names.js';
export { type ErlangHostsOptions, erlangHosts } from './membership/erlang-hosts.js';
export type { ClusterEvent, ClusterLogger } from './membership/events.js';
export { type GossipOptions, gossip } from './membership/gossip.js';
export { hosts } from './membership/hosts.js';
export type { NameFault } from './membership/node-names.js';
export type { Strategy, StrategyOptions } from './membership/strategy.js';
export type { CookieOption } from './node/cookie.js';
export type { ExposedModule } from './node/exposed.js';
export type { ConnectionInfo } from './node/info.js';
export type { LoggerOption } from './node/log.js';
export type { BusyEvent, EventOptions, NodeEvent } from './node/monitor-nodes.js';
export type { ListeningAt, Node, NodeKind } from './node/node.js';
export type { ListenAddress, NodeLimits, NodeOptions } from './node/options.js';
export type { RpcOptions } from './otp/erpc.js';
export { type From, reply } from './otp/gen.js';
export { type GenServer, genServer, NO_REPLY, stop } from './otp/gen-server.js';
export type { AliasMode, AliasOptions } from './process/aliases.js';
export type { CallOptions } from './process/call.js';
export type { Destination } from './process/destination.js';
export type { LinkOptions } from './process/links.js';
export type { Matcher, StandardSchema } from './process/matcher.js';
export type { DemonitorOptions, Monitored, MonitorOptions } from './process/monitors.js';
export type { Process } from './process/process.js';
export type { ReceiveOptions } from './process/receive.js';
export type { Spawned, SpawnRequestOptions } from './process/request-spawn.js';
export type { ExitOptions, SendOptions } from './process/send.js';
export type { ChildOptions, ProcessFunction, SpawnOptions } from './process/spawn-options.js';
export type { WaitOptions } from './process/wait.js';
export { startNode } from './start-node.js';
export { Atom, type AtomOf, atom } from './term/atom.js';
export { BitString, bitstring } from './term/bitstring.js';
export { compare, equals } from './term/compare.js';
export { Float, float } from './term/float.js';
export { type FormatOptions, format } from './term/format.js';
export { ExternalFun, externalFun, InternalFun } from './term/fun.js';
export { Pid, Port, Reference } from './term/identifiers.js';
export { charlist, ImproperList, improperList, text } from './term/list.js';
export { erl, parse } from './term/parse.js';
export { NativeRecord } from './term/record.js';
export type { Term } from './term/term.js';
export { Tuple, tuple } from './term/tuple.js';
export { type TcpOptions, tcp } from './transport/tcp.js';
export { tls } from './transport/tls.js';
export type {
  OtpTlsClient,
  OtpTlsOptions,
  OtpTlsServer,
  OtpTlsSide,
  PemSource,
  TlsDangers,
  TlsOptions,
  TlsVersion,
} from './transport/tls-options.js';
export type {
  ByteStream,
  ByteStreamSink,
  Endpoint,
  Listener,
  ListenOptions,
  Transport,
} from './transport/transport.js';
export { type UnixOptions, unix } from './transport/unix.js';
