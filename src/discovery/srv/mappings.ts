// From the name of a node to names in DNS, as data: DynamicSrv's rule, Consul's and Kubernetes' conventions, templates.
import { isIP } from 'node:net';
import { ArgumentError } from '../../errors.js';
import { canonical, isAddressInDisguise, nameFault } from './records.js';

/**
 * Where a node is to be found. Every member but `addrTargets` is a template:
 *
 * - `{name}`, `{host}`: the two halves of the node name;
 * - `{label}`, `{domain}`: the host up to its first dot, and after it.
 *
 * A node for which a template makes no DNS name (because its host has no dot, say) is not known.
 */
export interface SrvMapping {
  /** The name that has SRV records. */
  readonly service: string;
  /**
   * Which of the records are the node's: those with this target, or, where this is an IP address, those whose target
   * has it. Default: all, so that several are places to try for one node.
   */
  readonly target?: string;
  /** The name whose addresses stand in when no target has one. */
  readonly address?: string;
  /** Consul's `7f000001.addr.dc1.consul` is 127.0.0.1, without a question. Default: false. */
  readonly addrTargets?: boolean;
}

/** What a mapping of one's own sees: the name of a node in pieces. */
export interface NodeParts {
  readonly name: string;
  readonly host: string;
}

/** @returns names, not templates; a string is the name that has SRV records; `undefined` for a node that is not known. */
export type SrvMappingFunction = (node: NodeParts) => SrvMapping | string | undefined;

/** `node-0@cluster.example` is at `node-0.cluster.example`: what DynamicSrv does, and the default. */
export const dynamicSrv: SrvMapping = { service: '{name}.{host}', address: '{name}.{host}' };

export interface ConsulOptions {
  /** The name of the service; a template. */
  readonly service: string;
  /**
   * The tag that tells the node from others; a template like `{name}`. Without one the node is told by its host, which
   * is the target or the address of its instance.
   */
  readonly tag?: string;
  /** Default: the one of the server that is asked. */
  readonly datacenter?: string;
  /** Consul's DNS domain. Default: `consul`. */
  readonly domain?: string;
  /** Asks in the form of RFC 2782, `_service._tag`. Default: `tag.service`. */
  readonly rfc2782?: boolean;
}

/** A service of Consul's: `[<tag>.]<service>.service[.<dc>.dc].<domain>`, or `_<service>._<tag>.service…`. */
export function consul({ service, tag, datacenter, domain = 'consul', rfc2782 = false }: ConsulOptions): SrvMapping {
  const short = tag === undefined ? service : `${tag}.${service}`;
  const head = rfc2782 ? `_${service}._${tag ?? 'tcp'}` : short;
  const at = datacenter === undefined ? '' : `.${datacenter}.dc`;
  return {
    service: `${head}.service${at}.${domain}`,
    addrTargets: true,
    ...(tag === undefined && { target: '{host}' }),
  };
}

export interface KubernetesOptions {
  /** The name of the port that the distribution has in the service. Unnamed ports have no records of their own. */
  readonly port?: string;
  /** The headless service. Default: the host of the node name is that of a StatefulSet's pod, and says so itself. */
  readonly service?: string;
  /** Default: `default`; only with `service`. */
  readonly namespace?: string;
  /** Default: `cluster.local`; only with `service`. */
  readonly zone?: string;
}

/**
 * A headless service. Nodes of a StatefulSet are called after `hostname -f`:
 * `app@web-0.web.default.svc.cluster.local`; for others, which are called after their address (`app@10.1.2.3`), name the
 * service.
 */
export function kubernetes(options: KubernetesOptions = {}): SrvMapping {
  const { port, service, namespace = 'default', zone = 'cluster.local' } = options;
  const where = service === undefined ? '{domain}' : `${service}.${namespace}.svc.${zone}`;
  return { service: port === undefined ? where : `_${port}._tcp.${where}`, target: '{host}' };
}

/** A mapping for one node; names are in canonical form. */
export interface Place {
  readonly service: string;
  readonly target?: string;
  readonly address?: string;
  readonly addrTargets: boolean;
}

/** @throws ArgumentError `badarg` for a template with unknown placeholders. */
export function mapper(mapping: SrvMapping | SrvMappingFunction | string): (node: NodeParts) => Place | undefined {
  if (typeof mapping === 'function')
    return (node) => {
      const found = mapping(node);
      return found === undefined ? undefined : place(typeof found === 'string' ? { service: found } : found);
    };
  const templates = typeof mapping === 'string' ? { service: mapping } : mapping;
  const { addrTargets, ...names } = templates;
  checkTemplate('service', names.service);
  for (const [member, template] of Object.entries(names)) checkTemplate(member, template);
  return ({ name, host }) => {
    const dot = isIP(host) === 0 ? host.indexOf('.') : -1;
    const values: Values = {
      name,
      host,
      label: dot < 0 ? host : host.slice(0, dot),
      domain: dot < 0 ? undefined : host.slice(dot + 1),
    };
    const filled = (template: string | undefined) => (template === undefined ? undefined : fill(template, values));
    const service = filled(templates.service);
    const target = filled(templates.target);
    const address = filled(templates.address);
    if (service === undefined || (templates.target !== undefined && target === undefined)) return undefined;
    return place({
      service,
      ...(target !== undefined && { target }),
      ...(address !== undefined && { address }),
      ...(addrTargets !== undefined && { addrTargets }),
    });
  };
}

type Values = Readonly<Record<'name' | 'host' | 'label' | 'domain', string | undefined>>;

function fill(template: string, values: Values): string | undefined {
  let complete = true;
  const text = template.replace(/\{(\w+)\}/g, (_, key: keyof Values) => {
    const value = values[key];
    complete &&= value !== undefined;
    return value ?? '';
  });
  return complete ? text : undefined;
}

function checkTemplate(member: string, template: unknown): void {
  const rest = typeof template === 'string' ? template.replace(/\{(name|host|label|domain)\}/g, 'x') : '{';
  const fault = /[{}]/.test(rest) ? 'its placeholders' : nameFault(canonical(rest));
  if (fault === undefined) return;
  throw new ArgumentError(
    'badarg',
    `expected the mapping's ${member} to be a DNS name with {name}, {host}, {label} or {domain} in it, ` +
      `got ${JSON.stringify(template)} (${fault})`,
  );
}

function place({ service, target, address, addrTargets = false }: SrvMapping): Place | undefined {
  const names = {
    service: canonical(service),
    target: target && canonical(target),
    address: address && canonical(address),
  };
  // Nobody can have the name of node-0@10.0.0.1, so nobody is bothered with it.
  if (nameFault(names.service) !== undefined || isAddressInDisguise(names.service)) return undefined;
  return {
    service: names.service,
    addrTargets,
    ...(names.target !== undefined && { target: names.target }),
    ...(names.address !== undefined && nameFault(names.address) === undefined && { address: names.address }),
  };
}

/** The address in a target of Consul's `<hex>.addr.<dc>.<domain>`, or undefined. */
export function addrTarget(target: string): string | undefined {
  const [, hex] = /^([0-9a-f]{8}|[0-9a-f]{32})\.addr\./i.exec(target) ?? [];
  if (hex === undefined) return undefined;
  if (hex.length === 8)
    return Array.from({ length: 4 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => hex.slice(4 * i, 4 * i + 4));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** The address in a pod's name like `10-1-2-3.web.default.svc.cluster.local`, or undefined. */
export function dashedTarget(target: string): string | undefined {
  const [first = ''] = target.split('.');
  const v4 = first.replaceAll('-', '.');
  if (isIP(v4) === 4) return v4;
  const v6 = first.replaceAll('-', ':');
  return isIP(v6) === 6 ? new URL(`http://[${v6}]`).hostname.slice(1, -1) : undefined;
}
