import Hummingbird
import NIOCore
package import SweepWire

/// A request's context: Hummingbird's, and whose connection it is.
struct CallContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The peer's address without its port; empty where there is none.
    let remote: String

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        remote = source.channel.remoteAddress?.ipAddress ?? ""
    }
}

/// Who calls.
package struct Principal: Sendable, Equatable {
    /// Id of the token (never its text); `open` where no token is asked for.
    package let id: String
    package let scope: TokenScope

    static let open = Principal(id: "open", scope: .admin)
}

/// What a handler knows of its call beside the decoded request.
struct Call: Sendable {
    let http: Request
    let principal: Principal
}
