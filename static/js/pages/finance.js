/** The finance overview is drawn by the server and needs no more than the frame. */
import '../dom/frame.js'
