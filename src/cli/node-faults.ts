/** Faults that a test network gives to one of its nodes, over the channel between the two processes. */
import type { BeaconApi } from "../validator/beacon-api.ts";

/** Each replaces what was said before: an empty list, 0 and false end the fault. */
export type NodeFault =
  | { readonly do: "refuse-peers"; readonly peers: readonly string[] }
  | { readonly do: "late-blocks"; readonly ms: number }
  | { readonly do: "mute"; readonly isMute: boolean };

const SENDING: readonly (keyof BeaconApi)[] = [
  ...(["submitAttestations", "publishAggregateAndProofs", "submitSyncCommitteeMessages"] as const),
  "publishContributionAndProofs",
];

export class NodeFaults {
  onRefusedPeers: (peers: ReadonlySet<string>) => void = () => {};
  #lateBlocksMs = 0;
  #isMute = false;

  /** @param message as the parent process sent it */
  apply(message: unknown): void {
    const fault = message as NodeFault;
    if (fault.do === "refuse-peers") this.onRefusedPeers(new Set(fault.peers));
    if (fault.do === "late-blocks") this.#lateBlocksMs = fault.ms;
    if (fault.do === "mute") this.#isMute = fault.isMute;
  }

  /** The node as its validators see it: their blocks leave late, or nothing leaves at all. */
  around(api: BeaconApi): BeaconApi {
    const publishBlock: BeaconApi["publishBlock"] = async (request) => {
      if (this.#isMute) return { isImported: false };
      await new Promise((resolve) => setTimeout(resolve, this.#lateBlocksMs));
      return api.publishBlock(request);
    };
    return new Proxy(api, {
      get: (target, name) => {
        if (name === "publishBlock") return publishBlock;
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        if (this.#isMute && SENDING.includes(name as keyof BeaconApi)) return () => Promise.resolve([]);
        return member.bind(target);
      },
    });
  }
}
