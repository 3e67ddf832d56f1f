import Logging
import ServiceLifecycle
import UnixSignals

/// The coordinator as a process.
package enum CoordinatorDaemon {
    /// Runs until SIGTERM or SIGINT; then ends within five seconds. Everything answered before is on disk.
    ///
    /// - Parameter started: called with the URL once requests are served.
    /// - Throws: `CoordinatorError` or `LedgerError` with one clear message that names the thing and the remedy.
    package static func run(
        _ configuration: CoordinatorConfiguration, started: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        let service = try CoordinatorService(configuration)
        let announcer = Task {
            do {
                started(try await service.url())
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
