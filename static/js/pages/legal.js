/** Terms, privacy and contact need no more than the frame. */
import '../dom/frame.js'
