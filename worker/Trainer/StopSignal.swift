import Glibc
import Synchronization

/// Turns SIGTERM and SIGINT into a flag that the trainer looks at between steps.
enum StopSignal {
    private static let asked = Atomic(false)

    static var wasAsked: Bool { asked.load(ordering: .relaxed) }

    /// The same wish from within.
    static func ask() { asked.store(true, ordering: .relaxed) }

    /// Takes the signals over for the rest of the process.
    static func install() {
        // Touched here first: a handler must not be the one to initialise a global.
        _ = asked.load(ordering: .relaxed)
        for number in [SIGTERM, SIGINT] {
            signal(number) { _ in StopSignal.asked.store(true, ordering: .relaxed) }
        }
    }
}
