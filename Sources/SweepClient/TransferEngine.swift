import CCurl
import Foundation
import Synchronization

/// Runs requests through one libcurl multi handle on a thread of its own, so that a waiting call never holds
/// a thread of the shared pool. Connections are kept and reused; requests that run at the same time have one
/// each.
final class TransferEngine: Sendable {
    private let loop: TransferLoop

    init() {
        loop = TransferLoop()
        let loop = loop
        Thread.detachNewThread { loop.run() }
    }

    deinit { loop.stop() }

    /// - Throws: ``TransportError``, or `CancellationError` at once when the task is cancelled.
    func perform(_ request: HTTPRequest) async throws -> HTTPAnswer {
        let id = loop.nextID()
        defer { loop.forget(id) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.start(Transfer(id: id, request: request, continuation: continuation))
            }
        } onCancel: {
            loop.cancel(id)
        }
    }
}

/// The thread's side of ``TransferEngine``.
///
/// `@unchecked`: `active`, `idle` and all use of `multi` but `curl_multi_wakeup`, which libcurl allows from
/// any thread, belong to the thread that runs ``run()``; everything shared is in the mutex.
private final class TransferLoop: @unchecked Sendable {
    private struct Shared {
        var lastID: UInt64 = 0
        var pending: [Transfer] = []
        /// Accepted and not yet answered.
        var live: Set<UInt64> = []
        var cancelled: Set<UInt64> = []
        /// Cancelled between getting an id and being started.
        var cancelledEarly: Set<UInt64> = []
        var isStopped = false
    }

    private static let libraryIsReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private let multi: UnsafeMutableRawPointer
    private let shared = Mutex(Shared())
    private var active: [UInt64: (transfer: Transfer, handle: UnsafeMutableRawPointer)] = [:]
    private var ids: [UnsafeMutableRawPointer: UInt64] = [:]
    private var idle: [UnsafeMutableRawPointer] = []

    init() {
        guard Self.libraryIsReady, let multi = curl_multi_init() else { preconditionFailure("libcurl does not start") }
        self.multi = multi
    }

    func nextID() -> UInt64 {
        shared.withLock { shared in
            shared.lastID += 1
            return shared.lastID
        }
    }

    // The wake-ups happen inside the lock: after `isStopped` was seen in it, nobody touches `multi` any more.

    func start(_ transfer: Transfer) {
        let isAccepted = shared.withLock { shared in
            if shared.isStopped || shared.cancelledEarly.remove(transfer.id) != nil { return false }
            shared.live.insert(transfer.id)
            shared.pending.append(transfer)
            curl_multi_wakeup(multi)
            return true
        }
        if !isAccepted { transfer.cancel() }
    }

    func cancel(_ id: UInt64) {
        shared.withLock { shared in
            guard !shared.isStopped else { return }
            guard shared.live.contains(id) else {
                shared.cancelledEarly.insert(id)
                return
            }
            shared.cancelled.insert(id)
            curl_multi_wakeup(multi)
        }
    }

    func forget(_ id: UInt64) {
        shared.withLock { shared in
            shared.live.remove(id)
            shared.cancelledEarly.remove(id)
        }
    }

    func stop() {
        shared.withLock { shared in
            shared.isStopped = true
            curl_multi_wakeup(multi)
        }
    }

    func run() {
        while true {
            let (started, cancelled, isStopped) = shared.withLock { shared in
                defer {
                    shared.pending = []
                    shared.cancelled = []
                }
                return (shared.pending, shared.cancelled, shared.isStopped)
            }
            for transfer in started { begin(transfer, isCancelled: cancelled.contains(transfer.id)) }
            for id in cancelled { drop(id) }
            if isStopped { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            var result = CURLE_OK
            while let handle = ccurl_next_finished(multi, &result) { end(handle, result) }
            curl_multi_poll(multi, nil, 0, 1000, nil)
        }
        for id in Array(active.keys) { drop(id) }
        for handle in idle { curl_easy_cleanup(handle) }
        curl_multi_cleanup(multi)
    }

    private func begin(_ transfer: Transfer, isCancelled: Bool) {
        guard !isCancelled else { return transfer.cancel() }
        guard let handle = idle.popLast() ?? curl_easy_init() else { return transfer.cancel() }
        transfer.prepare(handle)
        active[transfer.id] = (transfer, handle)
        ids[handle] = transfer.id
        curl_multi_add_handle(multi, handle)
    }

    private func end(_ handle: UnsafeMutableRawPointer, _ result: CURLcode) {
        guard let id = ids.removeValue(forKey: handle), let entry = active.removeValue(forKey: id) else { return }
        curl_multi_remove_handle(multi, handle)
        entry.transfer.finish(handle, result)
        recycle(handle)
    }

    private func drop(_ id: UInt64) {
        guard let entry = active.removeValue(forKey: id) else { return }
        ids[entry.handle] = nil
        curl_multi_remove_handle(multi, entry.handle)
        entry.transfer.cancel()
        recycle(entry.handle)
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        curl_easy_reset(handle)
        if idle.count < 32 { idle.append(handle) } else { curl_easy_cleanup(handle) }
    }
}
