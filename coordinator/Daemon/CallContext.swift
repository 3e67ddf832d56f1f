import Hummingbird
import NIOCore
package import SweepModel

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

/// Who calls.
package struct Principal: Sendable, Equatable {
    /// Id of the token (never its text).
    package let id: String
    package let scope: TokenScope

    /// Whoever calls what needs no token.
    static let anybody = Principal(id: "", scope: .read)
}

/// What a handler knows of its call beside the decoded request.
struct Call: Sendable {
    let http: Request
    let principal: Principal
}
