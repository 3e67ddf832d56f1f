import Logging
import ServiceLifecycle
import UnixSignals

/// The coordinator as a process.
package enum CoordinatorDaemon {
    /// Runs until SIGTERM or SIGINT; then ends within five seconds. Everything answered before is on disk.
    ///
    /// - Parameter started: called once requests are served, with the URL and a one-time link for a browser.
    /// - Throws: `CoordinatorError` or `LedgerError` with one clear message that names the thing and the
    ///   remedy.
    package static func run(
        _ configuration: CoordinatorConfiguration,
        started: @escaping @Sendable (_ url: String, _ link: String) -> Void = { _, _ in }
    ) async throws {
        let service = try CoordinatorService(configuration)
        let announcer = Task {
            do {
                let url = try await service.url()
                started(url, service.browserURL(url) + service.link())
            } catch {
                // `run` throws the same error below.
            }
        }
        defer { announcer.cancel() }
        var quiet = service.logger
        quiet.logLevel = .warning
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
        service.logger.info("stopped")
    }
}
