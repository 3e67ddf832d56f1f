import Dispatch
import Foundation
import Synchronization

/// Work that reads much or waits for a disk, on threads of its own: on the shared pool it would delay the
/// heartbeat. A thread that has nothing to do waits for more, so that short jobs make none.
enum BlockingWork {
    // @unchecked: `next` is written before the signal that lets the thread read it.
    private final class Hand: @unchecked Sendable {
        let wake = DispatchSemaphore(value: 0)
        var next: (@Sendable () -> Void)?
    }

    private static let mostIdle = 8
    private static let idle = Mutex<[Hand]>([])

    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            start { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    private static func start(_ work: @escaping @Sendable () -> Void) {
        if let hand = idle.withLock({ $0.popLast() }) {
            hand.next = work
            hand.wake.signal()
        } else {
            let hand = Hand()
            Thread.detachNewThread {
                work()
                while rests(hand) {
                    hand.wake.wait()
                    let next = hand.next
                    hand.next = nil
                    next?()
                }
            }
        }
    }

    private static func rests(_ hand: Hand) -> Bool {
        idle.withLock { idle in
            guard idle.count < mostIdle else { return false }
            idle.append(hand)
            return true
        }
    }
}
