package import CoordinatorCore

/// Sees what the core hears and decides, in order. Called inside the engine: it must not call it.
package protocol EngineWatch: Sendable {
    /// - Parameter core: as it is before it handles the event.
    func hears(_ event: CoordinatorEvent, _ core: CoordinatorCore)
    /// - Parameter core: as it is after it has handled the event.
    func decides(_ effect: CoordinatorEffect, _ core: CoordinatorCore)
}
