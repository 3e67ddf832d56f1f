import CoordinatorOperations
import Hummingbird
import NIOCore

/// A request's context: Hummingbird's, and whose connection it is.
struct CallContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The peer's address without its port; empty where there is none.
    let remote: String
    /// Both ends of the connection.
    let peer: SocketAddress?
    let local: SocketAddress?

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        remote = source.channel.remoteAddress?.ipAddress ?? ""
        peer = source.channel.remoteAddress
        local = source.channel.localAddress
    }
}

/// What a route knows of its call beside the decoded request.
struct HTTPCall: Sendable {
    let http: Request
    let principal: Principal

    /// The same for an operation: a caller is gone when its connection is closed.
    var call: Call {
        let http = http
        return Call(principal) { body, gone in
            try await http.body.consumeWithInboundCloseHandler { _ in
                await body()
            } onInboundClosed: {
                gone()
            }
        }
    }
}
