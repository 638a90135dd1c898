/**
 * Keeps streams readable whose peer has sent everything, and closed, within the packet that settles the protocol: js-libp2p
 * puts back what it has read too far, and its streams refuse that once the other side has ended (@libp2p/utils 7,
 * `byteStream.unwrap`). Peers that negotiate lazily send their requests so, and short answers come so.
 */
import type { Stream, StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";

type FactoryOf<Components> = (components: Components) => StreamMuxerFactory;

export function withEarlyEnds<Components>(create: FactoryOf<Components>): FactoryOf<Components> {
  return (components) => {
    const factory = create(components);
    const createMuxer = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => allowEarlyEnds(createMuxer(connection));
    return factory;
  };
}

/** Where the library's muxers hand on a stream that the peer opened: a listener would come too late for the first ones. */
interface MuxerInternals extends StreamMuxer {
  onRemoteStream(stream: Stream): void;
}

function allowEarlyEnds(muxer: StreamMuxer): StreamMuxer {
  const internals = muxer as MuxerInternals;
  const createStream = muxer.createStream.bind(muxer);
  muxer.createStream = async (options) => allowEarlyEnd(await createStream(options));
  const onRemoteStream = internals.onRemoteStream.bind(muxer);
  internals.onRemoteStream = (stream) => onRemoteStream(allowEarlyEnd(stream));
  return muxer;
}

function allowEarlyEnd<S extends Stream>(stream: S): S {
  const unshift = stream.unshift.bind(stream);
  stream.unshift = (data) => {
    // Reading what is put back closes the stream again.
    if (stream.readStatus === "closed" && data.byteLength > 0) stream.readStatus = "readable";
    unshift(data);
  };
  return stream;
}
