import CoordinatorCore
import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes
import SweepWire

/// Answers exchanges and heartbeats on their connection's own event loop: no task, no router, and what the
/// last request on the connection showed (token, host, version) is not checked anew while it shows the same.
///
/// Only what is right in every way is answered here. All else goes on to the router, which has the words for
/// what is wrong with it, and so do requests while the router still answers one of the same connection.
final class WorkerLane: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum State {
        case open
        case reading(LaneCalls.Kind, HTTPRequest, ByteBuffer?)
        /// For the answer to a request; those that follow on the connection are held.
        case waiting
        /// For the peer to read what it was answered.
        case stalled
    }

    private let calls: LaneCalls
    private var state = State.open
    /// Requests that the router answers.
    private var passing = 0
    private var held: CircularBuffer<HTTPRequestPart> = []
    private var wantsRead = false
    /// Of the connection: its end waits for the answer that is under way.
    private var heldEvents: [Any] = []
    /// Of the newest request that is answered here.
    private var turn = 0
    /// The newest request, where it is a long poll.
    private var poll: ReplyID?
    private var shown: LaneCalls.Shown?

    init(calls: LaneCalls) { self.calls = calls }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(unwrapInboundIn(data), context) }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.waiting, _), (.stalled, _): held.append(part)
        case (.open, .head(let head)):
            if passing == 0, let kind = calls.kind(of: head) {
                state = .reading(kind, head, nil)
            } else {
                passing += 1
                context.fireChannelRead(wrapInboundOut(part))
            }
        case (.reading(let kind, let head, var bytes), .body(var more)):
            state = .open
            if bytes?.writeBuffer(&more) == nil { bytes = more }
            state = .reading(kind, head, bytes)
        case (.reading(let kind, let head, let bytes), .end):
            state = .open
            do {
                try answer(kind, head, bytes, context)
            } catch {
                passing += 1
                context.fireChannelRead(wrapInboundOut(.head(head)))
                if let bytes { context.fireChannelRead(wrapInboundOut(.body(bytes))) }
                context.fireChannelRead(wrapInboundOut(part))
                tellHeldEvents(context)
            }
        default: context.fireChannelRead(wrapInboundOut(part))
        }
    }

    /// - Throws: what is not right; then nothing was done.
    private func answer(
        _ kind: LaneCalls.Kind, _ head: HTTPRequest, _ bytes: ByteBuffer?, _ context: ChannelHandlerContext
    ) throws {
        if !(shown.map { calls.isSame(head, $0) } ?? false) { shown = try calls.admit(head) }
        guard let principal = shown?.admission.principal else { return }
        turn += 1
        let turn = turn
        let eventLoop = context.eventLoop
        let lane = NIOLoopBound((self, context), eventLoop: eventLoop)
        let finish: @Sendable (Result<Data, any Error>) -> Void = { result in
            guard eventLoop.inEventLoop else {
                return eventLoop.execute { lane.value.0.finish(result, lane.value.1) }
            }
            lane.value.0.finish(result, lane.value.1)
        }
        state = .waiting
        do {
            let poll = try calls.hand(kind, bytes, principal, finish)
            // The answer may have been given already, and the next request be under way.
            if turn == self.turn, case .waiting = state { self.poll = poll }
        } catch {
            state = .open
            throw error
        }
    }

    private func finish(_ result: Result<Data, any Error>, _ context: ChannelHandlerContext) {
        poll = nil
        state = .open
        guard context.channel.isActive else { return }
        let (head, body) = calls.answer(result)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        goOn(context)
    }

    /// With what was held. A peer that does not read its answers waits.
    private func goOn(_ context: ChannelHandlerContext) {
        guard context.channel.isWritable else {
            state = .stalled
            return
        }
        let hadMore = !held.isEmpty
        while !held.isEmpty, !isBusy { take(held.removeFirst(), context) }
        if hadMore { context.fireChannelReadComplete() }
        guard held.isEmpty else { return }
        if wantsRead {
            wantsRead = false
            context.read()
        }
        if case .open = state { tellHeldEvents(context) }
    }

    private var isBusy: Bool {
        switch state {
        case .waiting, .stalled: true
        case .open, .reading: false
        }
    }

    private func tellHeldEvents(_ context: ChannelHandlerContext) {
        let events = heldEvents
        heldEvents = []
        for event in events { context.fireUserInboundEventTriggered(event) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, case .stalled = state {
            state = .open
            goOn(context)
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if held.isEmpty { context.read() } else { wantsRead = true }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { passing -= 1 }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: break
        case ChannelEvent.inputClosed: giveUp()
        default: return context.fireUserInboundEventTriggered(event)
        }
        // Who waits for an answer gets it before the connection ends.
        if case .open = state { context.fireUserInboundEventTriggered(event) } else { heldEvents.append(event) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        giveUp()
        context.fireChannelInactive()
    }

    /// Its caller is gone: no job is granted to nobody.
    private func giveUp() {
        guard let poll else { return }
        self.poll = nil
        calls.abandon(poll)
    }
}

@available(*, unavailable)
extension WorkerLane: Sendable {}
