import HTTPTypes
import NIOCore
import NIOHTTPTypes
import SweepWire

/// Ends connections that take their time: a head or a body that drips in, or nothing at all. A waiting answer
/// (long poll) is never cut.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ConnectionLimits
    private let strangers: StrangerBook
    private let base: BasePath
    /// Set while the connection is silent and was never let in.
    private var ticket: StrangerBook.Ticket?
    private var hasBegun = false
    private var isLetIn = false
    /// Its framing was refused: nothing further is read.
    private var isRefused = false
    private var requests = 0
    /// Whether the newest request's path asks for no token: its answer lets nobody in.
    private var isOpenPath = false
    private var isReadingBody = false
    private var bodyBytes = 0
    private var bodyBegan = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(limits: ConnectionLimits, strangers: StrangerBook, base: BasePath) {
        self.limits = limits
        self.base = base
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
        wait(context)
        closeAfter(limits.head, context)
    }

    private func end() {
        timer?.cancel()
        timer = nil
        stopWaiting()
    }

    /// Nothing is asked for at this moment: while it was never let in, the connection has to go when others
    /// need its place.
    private func wait(_ context: ChannelHandlerContext) {
        guard !isLetIn, ticket == nil else { return }
        ticket = strangers.enter(context.channel.remoteAddress?.ipAddress ?? "", context.channel)
    }

    private func stopWaiting() {
        if let ticket { strangers.leave(ticket) }
        ticket = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard Self.isFramed(head) else {
                refuse(context)
                return
            }
            requests += 1
            if !isLetIn { isOpenPath = Self.isOpen(base.stripped(head.path ?? "")) }
            stopWaiting()
            timer?.cancel()
            timer = nil
            bodyBytes = 0
            isReadingBody = true
        case .body(let bytes): bodyBytes += bytes.readableBytes
        case .end:
            isReadingBody = false
            timer?.cancel()
            timer = nil
            // Answered before the body was there to its end.
            if requests == 0 { closeAfter(limits.idle, context) }
        }
        context.fireChannelRead(data)
    }

    /// A body that did not come with its head, as the small ones of workers do, is watched.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isReadingBody, timer == nil {
            bodyBegan = .now()
            watchBody(context, after: limits.bodyGrace)
        }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if !isOpenPath, (200..<300).contains(head.status.code) || head.status.code == 409 { isLetIn = true }
        case .body: break
        case .end:
            requests -= 1
            if requests == 0 {
                wait(context)
                closeAfter(limits.idle, context)
            }
        }
        context.write(data, promise: promise)
    }

    private static let openPaths = Set(Route.all.filter(\.scopes.isEmpty).map(\.path))

    /// Paths that are answered without a token.
    private static func isOpen(_ target: String) -> Bool {
        let path = target.prefix { $0 != "?" }
        return openPaths.contains(String(path)) || DashboardPath.isFree(path)
    }

    /// A body's end is told by its length, or by `chunked` and nothing else: about other codings two programs
    /// may be of two minds, and one would read the rest of the body as a second request.
    private static func isFramed(_ head: HTTPRequest) -> Bool {
        let codings = head.headerFields[values: .transferEncoding]
        guard !codings.isEmpty else { return true }
        return codings.count == 1 && codings[0].lowercased() == "chunked" && head.headerFields[.contentLength] == nil
    }

    private func refuse(_ context: ChannelHandlerContext) {
        isRefused = true
        timer?.cancel()
        let error = WireError(
            .badRequest, "Transfer-Encoding: wanted chunked and no other, and no Content-Length beside it")
        var body = context.channel.allocator.buffer(capacity: 128)
        body.writeString(#"{"code":"badRequest","message":"\#(error.message)"}"#)
        let head = HTTPResponse(
            status: .badRequest,
            headerFields: [
                .contentType: "application/json", .contentLength: String(body.readableBytes), .connection: "close",
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
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
