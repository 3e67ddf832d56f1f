import Foundation
import Logging
import ServiceLifecycle

/// `radiata worker run`: asks for jobs, runs them, hands in what they give, until it is told to stop.
package struct WorkerDaemon: Service {
    package let configuration: WorkerConfiguration
    private let stop: StopSignal

    /// - Parameter stop: another way than a signal to end it politely, for programs that hold several
    ///   daemons.
    package init(configuration: WorkerConfiguration, stop: StopSignal = StopSignal()) {
        self.configuration = configuration
        self.stop = stop
    }

    /// Returns after a polite stop: trainers ended with their state saved, attempts given back, spool sent as
    /// far as the coordinator could be reached.
    ///
    /// - Throws: ``WorkerError``, `PortsError`, or the `ClientError` of a refusal that repeating would not
    ///   change.
    package func run() async throws {
        let stop = stop
        if configuration.handlesSignals { TerminationSignals.watch { stop.request() } }
        let session = WorkerSession(configuration, try .live(configuration))
        try await withGracefulShutdownHandler {
            try await session.run(stop: stop)
        } onGracefulShutdown: {
            stop.request()
        }
    }
}
