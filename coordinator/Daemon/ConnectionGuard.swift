import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Connections that have not been let in, by address.
final class StrangerBook: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// - Returns: false when the address has too many already; the connection is then not counted.
    func enter(_ address: String) -> Bool {
        counts.withLock { counts in
            guard counts[address, default: 0] < limit else { return false }
            counts[address, default: 0] += 1
            return true
        }
    }

    func leave(_ address: String) {
        counts.withLock { counts in
            let left = (counts[address] ?? 1) - 1
            counts[address] = left > 0 ? left : nil
        }
    }
}

/// Ends connections that take their time: a head or a body that drips in, or nothing at all. A waiting answer (long
/// poll) is never cut.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ConnectionLimits
    private let strangers: StrangerBook
    /// Set while the connection counts as a stranger's.
    private var address: String?
    private var hasBegun = false
    private var requests = 0
    private var bodyBytes = 0
    private var bodyBegan = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(limits: ConnectionLimits, strangers: StrangerBook) {
        self.limits = limits
        self.strangers = strangers
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        let remote = context.channel.remoteAddress?.ipAddress ?? ""
        guard strangers.enter(remote) else {
            context.close(promise: nil)
            return
        }
        address = remote
        closeAfter(limits.head, context)
    }

    private func end() {
        timer?.cancel()
        timer = nil
        letIn()
    }

    private func letIn() {
        if let address { strangers.leave(address) }
        address = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            requests += 1
            bodyBytes = 0
            bodyBegan = .now()
            timer?.cancel()
            watchBody(context, after: limits.bodyGrace)
        case .body(let bytes): bodyBytes += bytes.readableBytes
        case .end:
            timer?.cancel()
            timer = nil
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if ![401, 403, 429].contains(head.status.code) { letIn() }
        case .body: break
        case .end:
            requests -= 1
            if requests == 0 { closeAfter(limits.idle, context) }
        }
        context.write(data, promise: promise)
    }

    private func closeAfter(_ time: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { context.close(promise: nil) }
    }

    private func watchBody(_ context: ChannelHandlerContext, after time: Duration) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { [self] in
            let late = NIODeadline.now() - bodyBegan - TimeAmount(limits.bodyGrace)
            let wanted = Int64(limits.bodyRate) * late.nanoseconds / 1_000_000_000
            guard Int64(bodyBytes) >= wanted else {
                context.close(promise: nil)
                return
            }
            watchBody(context, after: .seconds(1))
        }
    }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}
