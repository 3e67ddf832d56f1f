/// The component that a layer belongs to.
package enum AdapterSide: String, CaseIterable, Sendable {
    case unet, textEncoder
}
