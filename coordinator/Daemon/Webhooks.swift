import CoordinatorOperations
import Foundation
import Logging
import Ports
import ServiceLifecycle
import SweepClient
package import SweepLedger
import Synchronization

/// An address that is told what happens.
package struct Webhook: Sendable, Equatable {
    package let url: String
    package let kinds: Set<WebhookKind>

    /// - Parameter text: `URL`, or `KIND,KIND=URL` for some kinds alone.
    /// - Throws: `CoordinatorError` `badConfiguration` that says what was wanted.
    package init(_ text: String) throws {
        var (kinds, url) = (Set(WebhookKind.allCases), text)
        if let mark = text.firstIndex(of: "="), let colon = text.firstIndex(of: ":"), mark < colon {
            kinds = []
            for name in text[..<mark].split(separator: ",") {
                guard let kind = WebhookKind(rawValue: String(name)) else {
                    let all = WebhookKind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw CoordinatorError(
                        .badConfiguration, "--webhook: no kind '\(name.prefix(40))'; there are \(all)")
                }
                kinds.insert(kind)
            }
            url = String(text[text.index(after: mark)...])
        }
        guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty,
            ["http", "https"].contains(parts.scheme ?? ""), !url.contains(where: \.isWhitespace)
        else {
            throw CoordinatorError(
                .badConfiguration,
                "--webhook \(text.prefix(200)): wanted https://HOST/PATH, or KIND,KIND=https://HOST/PATH")
        }
        (self.url, self.kinds) = (url, kinds)
    }

    /// What the ledger and people see of an address, which may hold a secret.
    var digest: String { String(ContentDigest.of(url).text.prefix(16)) }
    var host: String { URLComponents(string: url)?.host ?? "" }
    var target: WebhookTarget { WebhookTarget(hook: digest, kinds: kinds) }
}

/// Counts what became of messages, since the start.
package final class WebhookFigures: Sendable {
    private let counts = Mutex((delivered: 0, failed: 0, dropped: 0))

    package init() {}

    package var delivered: Int { counts.withLock { $0.delivered } }
    /// Tries that were in vain.
    package var failed: Int { counts.withLock { $0.failed } }
    /// Messages that were given up.
    package var dropped: Int { counts.withLock { $0.dropped } }

    func countDelivered() { counts.withLock { $0.delivered += 1 } }
    func countFailed() { counts.withLock { $0.failed += 1 } }
    func countDropped() { counts.withLock { $0.dropped += 1 } }
}

/// Tells the operator's addresses what happens: at least once, under a name that stays the same, signed.
struct WebhookKeeper: Service {
    let engine: CoordinatorEngine
    let gauge: DiskGauge
    let hooks: [Webhook]
    let secret: WebhookSecret
    let figures: WebhookFigures
    let pace: Duration
    private let sender = WebhookSender()
    private let random = SystemRandom()

    /// Messages of one round; those of one address go one after the other.
    private static let most = 64
    private static let firstDelay: Duration = .seconds(2)
    private static let longestDelay: Duration = .seconds(3600)
    /// Then a message is given up.
    private static let patience: Int64 = 3 * 86_400_000

    init(
        engine: CoordinatorEngine, gauge: DiskGauge, hooks: [Webhook], secret: WebhookSecret, figures: WebhookFigures,
        pace: Duration
    ) {
        self.engine = engine
        self.gauge = gauge
        self.hooks = hooks
        self.secret = secret
        self.figures = figures
        self.pace = pace
    }

    private var ledger: Ledger { engine.ledger }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var heard: Int64 = -1
            var level = DiskGauge.Level.enough
            while !Task.isCancelled {
                do {
                    try await look(&heard, &level)
                    try await deliver()
                } catch is CancellationError {
                    return
                } catch {
                    engine.logger.warning("webhooks: \(error)")
                }
                do { try await engine.time.sleep(for: pace) } catch { return }
            }
        }
    }

    /// Makes messages of what is new.
    private func look(_ heard: inout Int64, _ level: inout DiskGauge.Level) async throws {
        let targets = hooks.map(\.target)
        let newest = try await ledger.lastEvent()
        if newest != heard {
            let verb = QueueWebhooks(targets, ledgerID: ledger.id, now: engine.time.wall())
            while try await ledger.writer.perform(verb, .bulk) {}
            heard = newest
        }
        let now = gauge.level
        guard now != level else { return }
        // A full disk may refuse the message as well: then it is tried again with the next look.
        try await ledger.writer.perform(
            QueueDiskWebhook(
                targets, ledgerID: ledger.id, level: "\(now)",
                text: gauge.notice ?? "the coordinator's disk has space again", now: engine.time.wall()), .bulk)
        level = now
    }

    private func deliver() async throws {
        let due = try await ledger.dueWebhooks(at: engine.time.wall(), limit: Self.most)
        guard !due.isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            for hook in hooks {
                let own = due.filter { $0.hook == hook.digest }
                guard !own.isEmpty else { continue }
                group.addTask {
                    for message in own where !Task.isCancelled {
                        // A receiver that is away is not asked for every message.
                        guard await send(message, to: hook) else { return }
                    }
                }
            }
        }
    }

    /// - Returns: whether it was taken.
    private func send(_ message: WebhookMessage, to hook: Webhook) async -> Bool {
        let now = engine.time.wall()
        let body = Array(message.body.utf8)
        do {
            try await sender.post(
                body, to: hook.url,
                headers: secret.headers(name: message.name, seconds: now.milliseconds / 1000, body: body))
            figures.countDelivered()
            try await ledger.writer.perform(EndWebhook(row: message.row), .bulk)
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            figures.countFailed()
            await delay(message, hook, "\(error)", now)
            return false
        }
    }

    private func delay(_ message: WebhookMessage, _ hook: Webhook, _ reason: String, _ now: WallTime) async {
        do {
            if now.milliseconds - message.at > Self.patience {
                figures.countDropped()
                engine.logger.warning("webhook to \(hook.host): \(message.name) is given up: \(reason)")
                try await ledger.writer.perform(EndWebhook(row: message.row), .bulk)
                return
            }
            // At least half of the delay, so that a receiver has time to come back.
            let cap = min(
                Self.longestDelay.inSeconds, Self.firstDelay.inSeconds * Double(1 << min(message.tries, 20)))
            let wait = cap / 2 * (1 + random.unit())
            let log: Logger.Level = message.tries == 0 ? .warning : .debug
            engine.logger.log(
                level: log, "webhook to \(hook.host): \(reason); again in \(Int(wait.rounded(.up))) s")
            try await ledger.writer.perform(
                DelayWebhook(
                    row: message.row, due: WallTime(milliseconds: now.milliseconds + Int64(wait * 1000))), .bulk)
        } catch {
            engine.logger.warning("webhook to \(hook.host): \(error)")
        }
    }
}
